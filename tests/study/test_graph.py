"""The computed part of params.yaml: which stages there are."""

from pathlib import Path

import pytest

from components.study.graph import graph
from components.study.loading import load_study, parse_study
from tests.study.complete import complete

ROOT = Path(__file__).parents[2]


def test_every_fine_tuning_begins_where_it_should() -> None:
    study = load_study(ROOT / "studies/tasks.yaml")
    found = graph(study)
    assert len(found["finetune"]) == len(study.arms) * len(study.tasks) * len(study.replicates)
    first = found["finetune"]["vilt-vqa-0"]
    assert (first["begins"], first["budget"]) == ("outputs/pretrain/vilt/0", "finetune")
    further = found["finetune"]["vilt-statements-0"]
    assert (further["begins"], further["budget"]) == ("outputs/finetune/vilt/vqa/0", "finetune_further")
    assert found["finetune"]["mmbt-vqa-0"]["begins"].startswith("outputs/starts/0/mmbt/")
    assert set(found["pretrain"]) == {f"{arm}-0" for arm in study.pretrained}
    assert found["tune"] == {arm: {"arm": arm} for arm in study.arms}
    assert found["steps"] == "outputs/pretrain"


def test_a_further_replicate_changes_no_entry_of_the_others() -> None:
    values = complete("smoke")
    two, three = (graph(parse_study(values | {"replicates": replicates}, "mine")) for replicates in ([0, 1], [0, 1, 2]))
    assert (list(two["drawings"]), list(three["drawings"])) == (["1"], ["1", "2"])
    for kind, entries in two.items():
        if isinstance(entries, str):
            assert three[kind] == entries
            continue
        assert {key: three[kind][key] for key in entries} == entries
        new = [entry for key, entry in three[kind].items() if key not in entries]
        assert {entry["replicate"] for entry in new} == ({2} if kind != "tune" else set())
        # Only what the new replicate has drawn, and nobody else, is read by what is new.
        assert {entry["drawn"] for entry in new if "drawn" in entry} <= {"outputs/drawn/2"}


def test_replicates_that_draw_nothing_depend_on_the_tokens_alone() -> None:
    values = complete("smoke")
    values["data"]["redrawn"] = False
    found = graph(parse_study(values, "mine"))
    assert found["drawings"] == {}
    trained = [entry for kind in ("text", "image", "pretrain", "finetune") for entry in found[kind].values()]
    assert {entry["drawn"] for entry in trained} == {"outputs/tokens/index.json"}


@pytest.mark.parametrize(
    ("arms", "fronts", "steps"),
    [
        (["text_only"], [], "outputs/starts/0/text_only/record.json"),
        (["mmbt", "text_only"], ["grid"], "outputs/starts/0/mmbt/record.json"),
        (["clip"], ["patches"], "outputs/pretrain"),
        (["uniter", "mmbt"], ["detector", "grid"], "outputs/pretrain"),
    ],
)
def test_only_what_an_arm_takes_is_trained(arms: list[str], fronts: list[str], steps: str) -> None:
    values = complete("smoke")
    study = parse_study(values | {"arms": {arm: values["arms"][arm] for arm in arms}}, "mine")
    found = graph(study)
    assert list(found["image"]) == [f"{front}-{replicate}" for front in fronts for replicate in (0, 1)]
    assert found["steps"] == steps
