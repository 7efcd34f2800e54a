"""Short studies: what they come to, and what is said of a mistake in one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.study.expansion import BLOCKS, expand, merge, shorten
from components.study.graph import graph
from components.study.loading import expansion_text, load_study, parse_study, read_defaults, read_yaml
from components.study.study import Study
from flows.workspaces.workspaces import parameters

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
DEFAULTS = read_defaults(ROOT / "studies/mine.yaml", "two_cores")
MINIMAL: dict[str, Any] = {"defaults": "two_cores", "name": "mine", "arms": ["vilt", "mmbt"], "tasks": ["vqa"]}
AXES = {
    "fusion": "single_stream",
    "spatial_code": "sum_5",
    "readout": "product",
    "objectives": "words",
    "norm": "post",
    "initial_scale": "common",
}


def made(**changes: Any) -> Study:
    return parse_study(expand(MINIMAL | changes, DEFAULTS, "studies/mine.yaml", "two_cores.yaml"), "studies/mine.yaml")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_file_and_its_defaults_say_everything(path: Path) -> None:
    """Nothing is filled in by code: the expansion has every key and value of the study, contrasts' optional halves aside."""
    content = expand(read_yaml(path), DEFAULTS, str(path), "two_cores.yaml")
    said = parse_study(content, str(path)).model_dump(mode="json")
    for contrast in said["evaluation"]["contrasts"]:
        for optional in ("by", "against"):
            if contrast[optional] is None:
                del contrast[optional]
    assert content == said
    assert list(content["arms"]) == list(said["arms"])


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_complete_study_can_be_made_short_again(path: Path) -> None:
    study = load_study(path)
    short = shorten(study.model_dump(mode="json"), DEFAULTS)
    assert parse_study(expand(short, DEFAULTS, "again", "two_cores.yaml"), "again") == study
    assert len(yaml.safe_dump(short)) < len(yaml.safe_dump(study.model_dump(mode="json"))) * 2 / 3


def test_studies_are_short() -> None:
    lines = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in STUDIES}
    assert sum(lines.values()) < 500
    assert max(lines.values()) < 60


def test_the_roots_parameters_are_the_expansion_of_laptop() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert text == parameters(load_study(ROOT / "studies/laptop.yaml")), "run `ceteris study default laptop`"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_what_is_written_is_read_again(path: Path, tmp_path: Path) -> None:
    study = load_study(path)
    (tmp_path / "params.yaml").write_text(expansion_text(study, "a comment"), encoding="utf-8")
    again = load_study(tmp_path / "params.yaml")
    assert (again, list(again.arms), list(again.tasks)) == (study, list(study.arms), list(study.tasks))
    content = yaml.safe_load((tmp_path / "params.yaml").read_text(encoding="utf-8"))
    assert content["graph"] == graph(study)


def test_a_graph_that_is_not_computed_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load(expansion_text(load_study(ROOT / "studies/smoke.yaml")))
    content["replicates"] = [0]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CeterisError, match=r"params\.yaml: the block graph is not .*`ceteris study default smoke`\.$"):
        load_study(tmp_path / "params.yaml")


def test_mappings_merge_and_everything_else_replaces() -> None:
    study = made(model={"stem_widths": [8]}, data={"scenes": {"pairs": 640}}, replicates=2)
    assert study.model.stem_widths == [8]
    assert study.model.width == DEFAULTS["model"]["width"]
    assert (study.data.scenes.pairs, study.data.scenes.train) == (640, DEFAULTS["data"]["scenes"]["train"])
    assert study.replicates == [0, 1]
    assert made(replicates=[3, 5]).replicates == [3, 5]


def test_another_currency_replaces_that_of_the_defaults() -> None:
    budget = made(finetune={"flops": 1e12}).finetune
    assert (budget.currency, budget.amount, budget.batch_size) == ("flops", 1e12, DEFAULTS["finetune"]["batch_size"])


def test_an_arm_is_its_architecture_unless_it_says_otherwise() -> None:
    study = made(
        arms={"vilt": None, "early": {"architecture": "vilt", "starts": ["multimodal"], "few_label_starts": []}}
    )
    assert list(study.arms) == ["vilt", "early"]
    assert study.arms["early"] == study.arms["vilt"].model_copy(
        update={"starts": ["multimodal"], "few_label_starts": []}
    )
    usual = made(architectures={"vilt": {"starts": ["unimodal", "multimodal"]}}, arms=["vilt"])
    assert usual.arms["vilt"].starts == ["unimodal", "multimodal"]
    assert usual.arms["vilt"].unimodal == ["patches"]


def test_an_arm_like_another_names_one_difference_and_chooses_its_own_starts() -> None:
    study = made(
        arms={
            "crossed_few": {"like": "crossed", "pairs": {"share": 0.25}},
            "crossed": {"like": "single", "axes": {"fusion": "lxmert"}},
            "single": {"axes": AXES, "front": "grid", "starts": ["multimodal"], "few_label_starts": ["multimodal"]},
        }
    )
    single, crossed = study.arms["single"], study.arms["crossed"]
    assert single.architecture == crossed.architecture == "controlled"
    assert crossed.axes == single.axes.model_copy(update={"fusion": "lxmert"})
    assert study.arms["crossed_few"].axes == crossed.axes
    assert study.arms["crossed_few"].pairs.share == 0.25
    assert {arm.front for arm in study.arms.values()} == {"grid"}
    assert (crossed.starts, crossed.few_label_starts) == (["unimodal", "multimodal"], [])


def test_a_task_is_of_the_kind_that_it_is_called() -> None:
    study = made(tasks={"vqa": None, "pointing": {"kind": "grounding", "after": "vqa"}})
    assert [(task.kind, task.few_labels, task.after) for task in study.tasks.values()] == [
        ("vqa", None, None),
        ("grounding", None, "vqa"),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"modle": 1}, "there is no key modle: choose from"),
        ({"arms": {"vilt": {"strats": []}}}, r"there is no key arms\.vilt\.strats"),
        ({"arms": {"vilt": 3}}, r"arms\.vilt must hold keys with values, not 3"),
        ({"arms": ["vilt", "vilt"]}, "arms names vilt twice"),
        ({"arms": 7}, "arms must hold keys"),
        ({"arms": {}}, "arms: "),
        ({"arms": ["blip"]}, r"arms\.blip is of the architecture 'blip', which two_cores\.yaml does not list"),
        ({"arms": {"a": {"like": "b"}}}, r"arms\.a\.like is 'b', which is no arm of the study: choose from a"),
        ({"arms": {"a": {"like": ["b"]}}}, r"arms\.a\.like is \['b'\], which is no arm"),
        ({"arms": {"a": {"like": "b"}, "b": {"like": "a"}}}, r"like leads back to a"),
        ({"architectures": {"blip": {}}}, r"there is no key architectures\.blip: choose from"),
        ({"architectures": {"vilt": {"strats": []}}}, r"there is no key architectures\.vilt\.strats"),
        ({"architectures": {"vilt": 7}}, r"architectures\.vilt must hold keys"),
        ({"arm": {"strats": []}}, r"there is no key arm\.strats"),
        ({"task": {"few": 1}}, r"there is no key task\.few"),
        ({"tasks": {"vqa": {"few": 1}}}, r"there is no key tasks\.vqa\.few"),
        ({"tasks": ["charades"]}, r"tasks\.charades\.kind"),
        ({"finetune": {"epochs": 3}}, r"finetune\.epochs: there is no such key"),
        ({"finetune": {"samples": 3, "steps": 3}}, "finetune: .*samples and steps"),
        ({"model": 7}, "model: "),
        ({"data": {"scenes": {"pair": 1}}}, r"data\.scenes\.pair: there is no such key"),
        ({"replicates": 0}, "replicates is 0: ask for 1 to 100"),
        ({"replicates": True}, "replicates"),
        ({"replicates": 10**12}, "ask for 1 to 100"),
        ({"name": None}, "name"),
        ({"arms": {"a": {"architecture": ["vilt"]}}}, "architecture .'vilt'., which"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CeterisError, match=sentence) as error:
        made(**changes)
    assert str(error.value).startswith("studies/mine.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("defaults: nothing\n", "defaults is 'nothing', which .*defaults does not have: choose from two_cores"),
        ("name: mine\n", "begin it with `defaults:`"),
        ("- a list\n", "must hold keys with values"),
        ("a: [1, 2", "not valid YAML"),
        ("defaults: broken\n", r"broken\.yaml is not valid YAML"),
        ("defaults: misspelt\n", r"misspelt\.yaml: there is no key modle"),
    ],
)
def test_a_file_that_is_no_study_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "defaults").mkdir()
    (tmp_path / "defaults/misspelt.yaml").write_text("modle: 1\n")
    (tmp_path / "defaults/two_cores.yaml").write_text(yaml.safe_dump(DEFAULTS))
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    if "broken" in text:
        (tmp_path / "defaults/broken.yaml").write_text("a: [1, 2")
    if "nothing" in text:
        (tmp_path / "defaults/misspelt.yaml").unlink()
    with pytest.raises(CeterisError, match=sentence) as error:
        load_study(path)
    assert "\n" not in str(error.value)


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(key=st.sampled_from([*Study.model_fields, *BLOCKS, "defaults"]), value=ANYTHING)
def test_whatever_stands_under_a_key_is_a_study_or_a_sentence(key: str, value: object) -> None:
    study, refusal = None, ""
    try:
        study = made(**{key: value})
    except CeterisError as error:
        refusal = str(error)
    if study is None:
        assert refusal.endswith(".")
        assert "\n" not in refusal
    else:
        assert parse_study(study.model_dump(mode="json"), "again") == study


MAPPINGS = st.dictionaries(st.sampled_from("abc"), ANYTHING, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_merging_changes_neither_side_and_says_what_the_change_says(
    base: dict[str, Any], change: dict[str, Any]
) -> None:
    before = yaml.safe_dump([base, change])
    merged = merge(base, change)
    assert yaml.safe_dump([base, change]) == before
    assert merge(merged, change) == merged
    assert merge(base, {}) == base
    assert merged.keys() == base.keys() | change.keys()


def test_the_study_in_the_guide_is_one() -> None:
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    (block,) = [part.split("```")[0] for part in guide.split("```yaml\n")[1:] if part.startswith("defaults:")]
    content = yaml.safe_load(block)
    study = parse_study(expand(content, DEFAULTS, "guide", "two_cores.yaml"), "guide")
    assert study.arms["crossed"].axes == study.arms["single"].axes.model_copy(update={"fusion": "lxmert"})
    assert (study.replicates, study.pretrain.samples) == ([0, 1, 2, 3, 4], 96000)
