"""The typed study: every mistake is one clear sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import CeterisError
from components.study.loading import load_study, parse_study
from components.study.plan import fine_tunings, freezing
from tests.study.complete import complete

ROOT = Path(__file__).parents[2]


def set_(*keys: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(study: dict[str, Any]) -> None:
        for key in keys[:-1]:
            study = study[key]
        study[keys[-1]] = value

    return change


def with_further(after: str, first: tuple[str, ...] | list[str] = ("vqa",)) -> Callable[[dict[str, Any]], None]:
    """Statements as a further task, after one that is or is not among the first."""

    def change(study: dict[str, Any]) -> None:
        kinds = {"vqa": "vqa", "pointing": "grounding", "statements": "statements"}
        study["tasks"] = {name: {"kind": kinds[name], "few_labels": None} for name in (*first, "statements")}
        study["tasks"]["statements"]["after"] = after

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_("finetune", "samples", value=-1), "finetune.samples"),
        (set_("finetune", "learning_rate", value="fast"), "finetune.learning_rate"),
        (set_("modle", value=1), "modle: there is no such key"),
        (set_("model", "heads", value=7), "must divide"),
        (set_("replicates", value=[0, 0]), "twice"),
        (
            set_("tasks", "vqa", "after", value="vqa"),
            "tasks.vqa.after is 'vqa': choose a task that begins from the starts",
        ),
        (with_further("pointing"), "tasks.statements.after is 'pointing': choose a task that .* the starts, vqa"),
        (with_further("statements"), "tasks.statements.after is 'statements': choose a task"),
        (with_further("pointing", first=["vqa", "pointing"]), "which clip cannot do .it has no visual tokens"),
        (set_("data", "path", value="/etc"), "inside the workspace"),
        (set_("data", "path", value="../data"), "inside the workspace"),
        (set_("arms", "mmbt", "architecture", value="controlled"), "arms.mmbt: .*give both or neither"),
        (set_("arms", "mmbt", "matched_starts", value=["unimodal"]), "starts must name multimodal"),
        (set_("arms", "vilt", "pairs", "share", value=0.0), "arms.vilt.pairs.share"),
        (set_("arms", "vilt", "pairs", "caption_noise", value=1.5), "arms.vilt.pairs.caption_noise"),
        (set_("arms", "vilt", "pairs", "domain", value="photographs"), "arms.vilt.pairs.domain"),
        (set_("arms", "vilt", "pairs", "share", value=0.001), "arms.vilt.pairs.share leaves 12 captioned pictures"),
        (
            set_("arms", "mmbt", "pairs", "share", value=0.5),
            "arms.mmbt.pairs says what .* and mmbt has none: add multimodal to its starts, or give it share 1.0",
        ),
        (lambda study: study["arms"]["vilt"].pop("pairs"), "arms.vilt.pairs"),
        (lambda study: study["arms"].clear(), "arms"),
        (lambda study: study.pop("seed"), "seed: is missing"),
    ],
)
def test_a_mistake_names_its_key(change: Callable[[dict[str, Any]], object], said: str) -> None:
    study = complete()
    change(study)
    with pytest.raises(CeterisError, match=said) as error:
        parse_study(study, "studies/mine.yaml")
    assert str(error.value).startswith("studies/mine.yaml is not a valid study")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_broken_yaml_are_said(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="does not exist"):
        load_study(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1, 2")
    with pytest.raises(CeterisError, match="not valid YAML"):
        load_study(tmp_path / "broken.yaml")


@pytest.mark.parametrize(
    ("source", "path", "sentence"),
    [
        ("scenes", "components/data/scenes/regions/all.tsv", "belongs to pictures of a manifest: with scenes say null"),
        (
            "manifest",
            "elsewhere/regions.tsv",
            r"must lie inside data\.path \(components/data/scenes\), not at elsewhere",
        ),
        ("manifest", "components/data/scenes/../regions.tsv", "must lie inside data.path"),
        ("manifest", "components/data/scenes", "must lie inside data.path"),
        ("manifest", "components/data/scenes/regions.tsv", "must lie in a folder of its own inside"),
        ("manifest", None, "visualbert.front is precomputed, and data.region_features names nothing"),
    ],
)
def test_region_features_have_a_place(source: str, path: str | None, sentence: str) -> None:
    study = complete()
    study["arms"]["visualbert"]["front"] = "precomputed"
    study["data"] |= {"source": source, "redrawn": source == "scenes", "region_features": path}
    with pytest.raises(CeterisError, match=sentence):
        parse_study(study, "mine")


@pytest.mark.parametrize(
    ("source", "redrawn", "share", "sentence"),
    [
        ("manifest", True, None, "redrawn is true, and the source manifest cannot draw .*: say false, or give"),
        ("nlvr", True, 0.5, "redrawn is true, and the source nlvr cannot draw"),
        ("scenes", True, 0.5, "training_share is a share of given rows, and the source scenes draws .*: say null"),
        ("manifest", False, 0.0, "training_share"),
        ("manifest", False, 1.5, "training_share"),
    ],
)
def test_replicates_differ_in_what_the_source_can_do(
    source: str, redrawn: bool, share: float | None, sentence: str
) -> None:
    study = complete()
    study["data"] |= {"source": source, "redrawn": redrawn}
    study["data"]["manifest"]["training_share"] = share
    with pytest.raises(CeterisError, match=sentence):
        parse_study(study, "mine")


@pytest.mark.parametrize("given", [[200, 0], [5, 5], [0, float("inf")], [float("nan"), 1], [1], ["a", "b"], 7])
def test_a_value_range_is_two_ascending_numbers(given: object) -> None:
    study = complete()
    study["data"]["value_range"] = given
    with pytest.raises(CeterisError, match="value_range"):
        parse_study(study, "mine")
    study["data"] |= {"value_range": [-1000, 3000], "background": "black"}
    data = parse_study(study, "mine").data
    assert (data.value_range, data.background) == ((-1000.0, 3000.0), "black")
    study["data"]["background"] = "pink"
    with pytest.raises(CeterisError, match="background"):
        parse_study(study, "mine")


def test_an_arm_may_read_regions_that_came_with_the_data() -> None:
    study = complete()
    study["arms"]["visualbert"]["front"] = "precomputed"
    study["data"] |= {
        "source": "manifest",
        "redrawn": False,
        "region_features": "components/data/scenes/regions/all.tsv",
    }
    assert parse_study(study, "mine").arms["visualbert"].components == ["text"]


def test_a_further_task_has_the_cells_of_the_starts_and_begins_where_each_of_them_ended() -> None:
    values = complete()
    with_further("vqa")(values)
    values["tasks"]["statements"]["few_labels"] = 500
    values["evaluation"]["contrasts"] = []
    values["arms"]["vilt"] |= {"starts": ["unimodal", "multimodal"], "few_label_starts": ["unimodal"]}
    values["arms"]["vilt"]["matched_starts"] = ["unimodal"]
    study = parse_study(values, "mine")
    cells = fine_tunings(study, "vilt", "statements")
    assert [(cell.name, cell.taught, cell.labels, cell.stretched) for cell in cells] == [
        ("unimodal", "unimodal", None, False),
        ("unimodal_matched", "unimodal_matched", None, False),
        ("multimodal", "multimodal", None, False),
        ("unimodal_few", "unimodal", 500, False),
        ("unimodal_matched_few", "unimodal_matched", 500, False),
    ]
    assert {cell.budget for cell in cells[:3]} == {study.finetune_further}
    assert [cell.taught for cell in fine_tunings(study, "vilt", "vqa")] == [None] * 3
    assert [cell.stretched for cell in fine_tunings(study, "vilt", "vqa")] == [False, True, False]
    first, further = fine_tunings(study, "mmbt", "vqa")[-1], fine_tunings(study, "mmbt", "statements")[-1]
    assert freezing(study, first) == study.arms["mmbt"].freezing != []
    assert freezing(study, further) == []
