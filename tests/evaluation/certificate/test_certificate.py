"""Whatever is not equal in one arm is found, in that arm alone."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import CeterisError
from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.majority import Held, agreement
from components.evaluation.certificate.protocol import protocol_hash
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.scoring.metrics import collect
from components.records.training import Frozen
from components.study.loading import parse_study
from components.study.study import Study
from tests.evaluation.certified import cell, faults
from tests.evaluation.fabricate import (
    CONTROLLED,
    DATA,
    QUALITY,
    controlled_study,
    data_study,
    fabricate,
    study_of,
)
from tests.study.complete import complete

Change = Callable[[TrainingRecords], Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, TrainingRecords]:
    study = controlled_study(replicates=[0, 1, 2])
    root = fabricate(tmp_path_factory.mktemp("certificate"), study, items=40, quality=CONTROLLED, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    return root, study, TrainingRecords.load(study, root)


def test_equal_arms_pass_every_check(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, study, records = finished
    assert faults(study, records) == {}


def other_order(records: TrainingRecords) -> None:
    cell(records, "single").digests.ids = "another order"


def one_more_epoch(records: TrainingRecords) -> None:
    record = cell(records, "single")
    record.steps += 156
    record.samples += 156 * 64
    record.digests_after["512"] = cell(records, "single", "unimodal_matched").digests_after["512"]


def one_more_epoch_of_pairs(records: TrainingRecords) -> None:
    record = records.pretraining["crossed"][2]
    record.steps += 187
    record.samples += 187 * 64


def a_twin_that_trained_no_longer(records: TrainingRecords) -> None:
    twin, plain = cell(records, "single", "unimodal_matched"), cell(records, "single", "unimodal")
    twin.steps, twin.samples, twin.digests = plain.steps, plain.samples, plain.digests


def another_currency(records: TrainingRecords) -> None:
    budget = cell(records, "crossed").budget
    budget.currency, budget.amount = "steps", 500


def half_precision(records: TrainingRecords) -> None:
    cell(records, "crossed").ran_on[0].precision = "bf16-mixed"


def more_threads(records: TrainingRecords) -> None:
    records.pretraining["crossed"][0].ran_on[0].threads = 2


def another_accelerator(records: TrainingRecords) -> None:
    for record in records.arms["crossed"]["vqa"]["multimodal"]:
        record.ran_on[0].accelerator = "NVIDIA H100 80GB HBM3"


def kernels_as_they_come(records: TrainingRecords) -> None:
    cell(records, "crossed").ran_on[0].deterministic = False


def another_torch(records: TrainingRecords) -> None:
    cell(records, "crossed").ran_on[0].torch = "2.12.1"


def resumed_elsewhere(records: TrainingRecords) -> None:
    ran_on = cell(records, "crossed").ran_on
    ran_on.append(ran_on[0].model_copy(update={"threads": 2}))


def no_software(records: TrainingRecords) -> None:
    cell(records, "crossed").ran_on = None


def froze_what_nobody_declared(records: TrainingRecords) -> None:
    cell(records, "crossed").freezing.append(Frozen(pattern="text.*", samples=640, parameters=5000))


def no_freezing(records: TrainingRecords) -> None:
    cell(records, "crossed").freezing = None


def another_tokenizer(records: TrainingRecords) -> None:
    cell(records, "crossed").configuration["vocabulary_size"] = 30522


def longer_texts(records: TrainingRecords) -> None:
    cell(records, "crossed").configuration["max_length"] = 48


def wider(records: TrainingRecords) -> None:
    cell(records, "late_fusion", "unimodal").configuration["width"] = 128


def other_axes(records: TrainingRecords) -> None:
    cell(records, "crossed").configuration["axes"]["readout"] = "pooled_text"


def another_initial_scale(records: TrainingRecords) -> None:
    cell(records, "crossed").configuration["axes"]["initial_scale"] = "bert"


def an_undeclared_key(records: TrainingRecords) -> None:
    cell(records, "crossed").configuration["adapter_width"] = 16


def no_configuration(records: TrainingRecords) -> None:
    cell(records, "text_only", "unimodal").configuration = None


def other_labels_of_the_front_end(records: TrainingRecords) -> None:
    for record in records.arms["dense"]["vqa"]["multimodal"]:
        record.configuration["object_classes"] = 1


def another_front_end(records: TrainingRecords) -> None:
    records.starts["crossed"][0]["detector"].weights = "of a detector that somebody else trained"


def a_further_component(records: TrainingRecords) -> None:
    records.starts["text_only"][0]["grid"] = records.starts["late_fusion"][0]["grid"]


def other_masks(records: TrainingRecords) -> None:
    records.pretraining["dense"][0].digests.corruption = "masks of its own"


def no_digests(records: TrainingRecords) -> None:
    cell(records, "both").digests = None


def a_stray_dropout(records: TrainingRecords) -> None:
    cell(records, "crossed").dropout = {"0.5": 1}


def more_words_masked(records: TrainingRecords) -> None:
    records.pretraining["crossed"][0].consumed.masked_words = 35_000


def a_region_of_every_picture(records: TrainingRecords) -> None:
    records.pretraining["both"][0].consumed.masked_regions = 18_300


def another_beta(records: TrainingRecords) -> None:
    record = cell(records, "crossed").optimiser
    record.betas = (0.9, 0.999)


def another_schedule(records: TrainingRecords) -> None:
    cell(records, "crossed").optimiser.schedule[-2] = 1.0


def decay_on_norms(records: TrainingRecords) -> None:
    cell(records, "crossed").optimiser.decay = {"0.01": [1, 2]}


def another_scale(records: TrainingRecords) -> None:
    cell(records, "crossed").begins.strays = ["model.visual_embedding.hidden_features.weight: 0.5 instead of 0"]


def a_head_thrown_away(records: TrainingRecords) -> None:
    records.pretraining["crossed"][1].begins.loaded["mlm"] = 0.0


def a_head_that_was_trained_before(records: TrainingRecords) -> None:
    cell(records, "crossed").begins.loaded["head"] = 1.0


def nothing_loaded(records: TrainingRecords) -> None:
    cell(records, "crossed").begins.loaded["model"] = 0.0


def counted_in_evaluation_mode(records: TrainingRecords) -> None:
    records.pretraining["crossed"][0].consumed.visual_tokens = 8.0


def looking_for_nothing(records: TrainingRecords) -> None:
    flops = cell(records, "crossed").flops
    flops.total, flops.front = flops.total - flops.front, 0.0


def nothing_measured(records: TrainingRecords) -> None:
    record = cell(records, "crossed")
    record.dropout = record.optimiser = record.consumed = record.begins = None


@pytest.mark.parametrize(
    ("change", "arm", "items"),
    [
        (other_order, "single", {"samples and their order"}),
        (one_more_epoch, "single", {"budget"}),
        (one_more_epoch_of_pairs, "crossed", {"budget"}),
        (a_twin_that_trained_no_longer, "single", {"budget", "optimiser"}),
        (another_currency, "crossed", {"budget"}),
        (half_precision, "crossed", {"precision and software"}),
        (more_threads, "crossed", {"precision and software"}),
        (another_accelerator, "crossed", {"precision and software"}),
        (kernels_as_they_come, "crossed", {"precision and software"}),
        (another_torch, "crossed", {"precision and software"}),
        (resumed_elsewhere, "crossed", {"precision and software"}),
        (no_software, "crossed", {"precision and software"}),
        (froze_what_nobody_declared, "crossed", {"freezing"}),
        (no_freezing, "crossed", {"freezing"}),
        (another_tokenizer, "crossed", {"configuration"}),
        (longer_texts, "crossed", {"configuration"}),
        (wider, "late_fusion", {"configuration"}),
        (other_axes, "crossed", {"configuration"}),
        (another_initial_scale, "crossed", {"configuration"}),
        (an_undeclared_key, "crossed", {"configuration"}),
        (no_configuration, "text_only", {"configuration", "labels of the front end"}),
        (other_labels_of_the_front_end, "dense", {"labels of the front end"}),
        (another_front_end, "crossed", {"start components"}),
        (a_further_component, "text_only", {"start components"}),
        (other_masks, "dense", {"corruption"}),
        (a_stray_dropout, "crossed", {"dropout"}),
        (more_words_masked, "crossed", {"masked share"}),
        (a_region_of_every_picture, "both", {"masked share"}),
        (another_beta, "crossed", {"optimiser"}),
        (another_schedule, "crossed", {"optimiser"}),
        (decay_on_norms, "crossed", {"optimiser"}),
        (another_scale, "crossed", {"initial scale"}),
        (a_head_thrown_away, "crossed", {"kept from pretraining"}),
        (a_head_that_was_trained_before, "crossed", {"kept from pretraining"}),
        (nothing_loaded, "crossed", {"kept from pretraining"}),
        (counted_in_evaluation_mode, "crossed", {"counted as run"}),
        (looking_for_nothing, "crossed", {"counted as run"}),
        (
            nothing_measured,
            "crossed",
            {"dropout", "optimiser", "initial scale", "kept from pretraining", "counted as run"},
        ),
        (no_digests, "both", {"samples and their order", "content", "regions", "corruption"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_broken_arm_is_caught(
    finished: tuple[Path, Study, TrainingRecords], change: Change, arm: str, items: set[str]
) -> None:
    _, study, records = finished
    broken = copy.deepcopy(records)
    change(broken)
    assert faults(study, broken) == {arm: items}


def test_a_ranked_arm_that_was_shown_exact_boxes_is_caught(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, study, records = finished
    broken = copy.deepcopy(records)
    for told, single in zip(
        broken.arms["told"]["vqa"]["multimodal"], broken.arms["single"]["vqa"]["multimodal"], strict=True
    ):
        single.digests.regions = told.digests.regions
    assert faults(study, broken) == {"single": {"regions", "no exact boxes"}}


def test_front_ends_that_learned_from_other_labels_are_caught(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, study, records = finished
    broken = copy.deepcopy(records)
    for record in broken.components["grid"]:
        assert record is not None
        record.heads = None
        record.digests.content = "pictures with labels of whole pictures"
    found = faults(study, broken)
    # Most arms read the detector; those that take the grid are two.
    assert found == {arm: {"content", "labels of the front end"} for arm in ("dense", "late_fusion")}


def test_a_difference_that_the_architecture_does_not_declare_is_caught(
    finished: tuple[Path, Study, TrainingRecords],
) -> None:
    _, study, records = finished
    values = study.model_dump()
    rule = [{"pattern": "text.*", "share": 0.5}]
    values["arms"]["late_fusion"]["freezing"] = rule
    assert faults(Study.model_validate(values), records) == {"late_fusion": {"declared differences", "freezing"}}
    # For a controlled arm it is an axis; what it declares it has to have done.
    values["arms"]["late_fusion"]["freezing"], values["arms"]["both"]["freezing"] = [], rule
    assert faults(Study.model_validate(values), records) == {"both": {"freezing"}}
    # MMBT's file declares its schedule, so MMBT may have one.
    root, mmbt = finished[0].parent / "mmbt", study_of(replicates=[0])
    fabricate(root, mmbt, items=40, quality=QUALITY, pictures=False)
    collect(mmbt, root / "outputs/finetune", root / "outputs/evaluation")
    assert mmbt.arms["mmbt"].freezing
    records = TrainingRecords.load(mmbt, root)
    assert faults(mmbt, records) == {}
    # What it says it freezes, it has to have frozen: for as long, and something at all.
    for change in ({"samples": 0}, {"parameters": 0}, {"pattern": "image_encoder.*"}):
        broken = copy.deepcopy(records)
        freezing = broken.arms["mmbt"]["vqa"]["unimodal"][0].freezing
        freezing[1] = freezing[1].model_copy(update=change)
        assert faults(mmbt, broken) == {"mmbt": {"freezing"}}


def test_what_need_not_be_equal_is_stated(finished: tuple[Path, Study, TrainingRecords]) -> None:
    _, study, records = finished
    broken = copy.deepcopy(records)
    for record in broken.arms["text_only"]["vqa"]["unimodal"]:
        record.reads.visual_tokens = 0.0
    for record in broken.arms["late_fusion"]["vqa"]["unimodal"]:
        record.reads.truncated_texts = None
    for record in broken.pretraining["single"]:
        record.reads.forwards = 2.5
    said = {arm: certificate.stated for arm, certificate in certify(study, broken).items()}
    assert [said[arm]["visual tokens per picture"] for arm in ("single", "text_only")] == ["16", "0"]
    assert [said[arm]["texts cut off"] for arm in ("single", "late_fusion")] == ["1.25%", "reads no text"]
    assert said["single"]["forward passes of a sample in a step"] == "1 (vqa), 2.5 (intermediate step)"
    assert said["late_fusion"]["forward passes of a sample in a step"] == "1"
    assert said["late_fusion"]["length of training"] == "fine-tuning: 500 steps, 32,000 samples, 28.8G FLOPs"
    assert "fine-tuning of twins: 1,700 steps" in said["single"]["length of training"]


def test_arms_agree_with_those_that_read_the_same_pairs(tmp_path: Path) -> None:
    study = data_study()
    root = fabricate(tmp_path, study, items=40, quality=DATA, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    records = TrainingRecords.load(study, root)
    assert len({record.digests.ids for kept in records.pretraining.values() for record in kept}) == 9
    assert faults(study, records) == {}

    def broken(arm: str, chain: str, value: str) -> dict[str, set[str]]:
        strayed = copy.deepcopy(records)
        setattr(strayed.pretraining[arm][1].digests, chain, value)
        return faults(study, strayed)

    # Three read all pictures, with wrong captions or without.
    assert broken("single_noisy", "ids", "another order") == {"single_noisy": {"samples and their order"}}
    digests = records.pretraining["single_quarter"][1].digests
    assert broken("single", "ids", digests.ids) == {"single": {"samples and their order"}}
    # Of two nobody can say who is right.
    both = {"single_quarter", "crossed_quarter"}
    for chain, item in (("content", "content"), ("corruption", "corruption"), ("regions", "regions")):
        assert broken("crossed_quarter", chain, "something else") == {arm: {item} for arm in both}


def test_only_who_reads_answers_may_have_been_handed_more(tmp_path: Path) -> None:
    values = study_of(replicates=[0]).model_dump()
    lxmert = complete()["arms"]["lxmert"]
    values["arms"]["lxmert"] = lxmert | {"starts": ["multimodal"], "few_label_starts": []}
    values["arms"]["lxmert"]["matched_starts"] = []
    study = parse_study(values, "mine")
    root = fabricate(tmp_path, study, items=40, quality=QUALITY | {("lxmert", "multimodal"): 0.6}, pictures=False)
    collect(study, root / "outputs/finetune", root / "outputs/evaluation")
    records = TrainingRecords.load(study, root)
    records.pretraining["lxmert"][0].digests.content = "pictures, texts and answers"
    assert faults(study, records) == {}
    records.pretraining["lxmert"][0].digests.ids = "another order"
    assert faults(study, records) == {"lxmert": {"samples and their order"}}


def test_without_a_majority_nobody_is_right() -> None:
    two = [Held("a", "a", "x"), Held("b", "b", "y")]
    assert agreement(two).differ == {"a", "b"}
    assert agreement([*two, Held("c", "c", "x")]).differ == {"b"}
    assert agreement([*two, Held("c", "c", "z")]).differ == {"a", "b", "c"}
    # Many runs of one arm are one voice, and an arm that disagrees with itself is not right because of its other half.
    many = [Held("a", f"a {run}", "x") for run in range(9)]
    assert agreement([*many, Held("b", "b", "y"), Held("c", "c", "y")]).differ == {"a"}
    assert agreement([*two, Held("b", "b 2", "x")]).differ == {"b"}
    assert agreement([Held("a", "a", None)]).differ == {"a"}
    assert agreement([Held("a", "a", "")]).differ == set()


def test_records_of_another_run_are_refused(finished: tuple[Path, Study, TrainingRecords], tmp_path: Path) -> None:
    root, study, _ = finished
    swapped = _copied(root, tmp_path / "pairs") / "outputs/pretrain/single/1/record.json"
    swapped.write_bytes((root / "outputs/pretrain/single/2/record.json").read_bytes())
    with pytest.raises(CeterisError, match=r"pretrain/single/1/record.json is the record of a run with replicate 2"):
        TrainingRecords.load(study, tmp_path / "pairs")
    (_copied(root, tmp_path / "starts") / "outputs/starts/0/both/record.json").unlink()
    with pytest.raises(CeterisError, match=r"starts/0/both/record.json is missing"):
        TrainingRecords.load(study, tmp_path / "starts")
    path = _copied(root, tmp_path / "arms") / "outputs/evaluation/arms.json"
    arms = json.loads(path.read_text(encoding="utf-8"))
    arms["both"]["vqa"]["multimodal"][0]["run"]["start"] = "unimodal"
    path.write_text(json.dumps(arms), encoding="utf-8")
    said = r"finetune/both/vqa/0/record.json is the record of a run with start unimodal"
    with pytest.raises(CeterisError, match=said):
        TrainingRecords.load(study, tmp_path / "arms")


def _copied(source: Path, target: Path) -> Path:
    """A copy of the records alone."""
    for path in source.rglob("*.json"):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    return target


def test_the_protocol_is_what_is_held_equal_and_nothing_else() -> None:
    study = study_of()
    values = study.model_dump()
    same = protocol_hash(study)
    for change in (
        {"name": "another"},
        {"replicates": [0, 1, 2, 3, 4]},
        {"runtime": values["runtime"] | {"checkpoint_seconds": 1.0}},
        {"evaluation": values["evaluation"] | {"examples": 0}},
    ):
        assert protocol_hash(study_of(**change)) == same
    for change in (
        {"seed": 7},
        {"finetune": values["finetune"] | {"samples": 32064}},
        {"text": values["text"] | {"max_length": 25}},
        {"evaluation": values["evaluation"] | {"margin": 0.01}},
    ):
        assert protocol_hash(study_of(**change)) != same
