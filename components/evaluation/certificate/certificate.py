"""The certificate of every arm: what must be equal, checked against what its runs recorded.

An arm that fails a check is not comparable: it is shown, and never ranked, chosen, packaged or judged. The others keep
their verdicts. What need not be equal is stated: parameters, FLOPs and samples beside the scores, the rest here.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from components.evaluation.certificate import as_built, budgets, rate_search
from components.evaluation.certificate.certificates import Certificate, Checked
from components.evaluation.certificate.digests import Chain, Compared, compared
from components.evaluation.certificate.disclosed import stated
from components.evaluation.certificate.majority import NOT_RECORDED, Held, agreement
from components.evaluation.certificate.step_gates import step_said
from components.evaluation.certificate.training_records import TrainingRecords
from components.evaluation.certificate.training_runs import every_run
from components.models import architectures
from components.models.configuration import ModelConfiguration
from components.records.training import Software, Taught
from components.study.arms import ArmSettings
from components.study.front_ends import ORACLE
from components.study.plan import fine_tunings
from components.study.spending import first_step
from components.study.study import Study

Faults = dict[str, list[str]]
"""What is wrong, by arm."""
Check = Callable[[Study, TrainingRecords, list[Compared]], Faults]

_SHOWN = 3
_KEYS = {field.name for field in fields(ModelConfiguration)}


def certify(study: Study, records: TrainingRecords, sets: list[Compared] | None = None) -> dict[str, Certificate]:
    """Every arm's certificate.

    Args:
        sets: of `digests.compared`, if they are at hand.
    """
    sets = compared(study, records) if sets is None else sets
    checks: dict[str, list[Checked]] = {arm: [] for arm in study.arms}
    for item, (sentence, check) in CHECKS.items():
        faults = check(study, records, sets)
        for arm, found in checks.items():
            said = list(dict.fromkeys(faults.get(arm, [])))
            found.append(Checked(item=item, equal=not said, detail=_some(said) or sentence))
    return {
        arm: Certificate(
            valid=all(check.equal for check in found),
            checks=found,
            stated=stated(study, records, arm),
            step=step_said(study, arm, records.pretraining.get(arm, [])),
        )
        for arm, found in checks.items()
    }


def _some(words: list[str]) -> str:
    return "; ".join([*words[:_SHOWN], *([f"and {len(words) - _SHOWN} more"] if len(words) > _SHOWN else [])])


def _digests(chain: Chain) -> Check:
    def check(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
        faults: Faults = {}
        for one in sets:
            for arm in one.agreement.differ if one.digest == chain else ():
                faults.setdefault(arm, []).append(one.where)
        return {arm: [f"not what the others were handed in {_some(where)}"] for arm, where in faults.items()}

    return check


def _starts(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    faults: Faults = {}
    for position, replicate in enumerate(study.replicates):
        held: dict[str, list[Held]] = {}
        for arm, settings in study.arms.items():
            kept = records.starts[arm][position]
            if sorted(kept) != sorted(settings.components):
                faults.setdefault(arm, []).append(f"made of {sorted(kept)}, not {sorted(settings.components)}")
            faults.setdefault(arm, []).extend(_taught(study, records, arm, position))
            for component in set(kept) & set(settings.components):
                weights = kept[component].weights
                held.setdefault(component, []).append(Held(arm, arm, weights))
                pretrained = records.components[component][position]
                if pretrained is not None and pretrained.weights != weights:
                    faults.setdefault(arm, []).append(f"{component} is not the one pretrained in replicate {replicate}")
        for component, found in sorted(held.items()):
            for arm in agreement(found).differ:
                faults.setdefault(arm, []).append(f"{component} is not the others' in replicate {replicate}")
    return faults


def _taught(study: Study, records: TrainingRecords, arm: str, position: int) -> Iterator[str]:
    """Runs of further tasks that did not begin from what the same start of the arm ended with on the task before."""
    for task in study.further_tasks:
        after = str(study.tasks[task].after)
        for cell in fine_tunings(study, arm, task):
            before = records.arms[arm][after][str(cell.taught)][position]
            told = Taught(task=after, cell=str(cell.taught), weights=before.weights)
            if records.arms[arm][task][cell.name][position].taught != told:
                yield f"{task}, {cell.name}: did not begin from the weights of {after}, {cell.taught}"


def _budgets(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    faults: Faults = {}
    for run in every_run(study, records):
        if strayed := budgets.fault(run.record, run.record.flops.total, run.allowance, run.twin):
            faults.setdefault(run.arm, []).append(f"{run.name}: {strayed}")
    return faults


def _freezing(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    """Whether every run froze what the study declares, for as long as it declares, and froze something with every rule."""
    faults: Faults = {}
    for run in every_run(study, records):
        steps, batch_size = run.record.steps, run.allowance.batch_size
        declared = [(rule.pattern, first_step(rule.share, steps) * batch_size) for rule in run.rules]
        applied = run.record.freezing
        found = [(one.pattern, one.samples) for one in applied or []]
        idle = [one.pattern for one in applied or [] if not one.parameters]
        if applied is None:
            strayed = "what it froze was not recorded"
        elif found != declared:
            strayed = f"froze {_frozen(found)} instead of {_frozen(declared)}"
        elif idle:
            strayed = f"the pattern {idle[0]} froze no parameter"
        else:
            continue
        faults.setdefault(run.arm, []).append(f"{run.name}: {strayed}")
    return faults


def _frozen(rules: list[tuple[str, int]]) -> str:
    return ", ".join(f"{pattern} for {samples:,} samples" for pattern, samples in rules) or "nothing"


def _software(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    """Whether all runs were computed with the same: a run that was resumed elsewhere has recorded two things."""
    held = []
    for run in every_run(study, records):
        ran_on = [_with(one) for one in run.record.ran_on or []]
        held.append(Held(run.arm, run.name, ", then ".join(ran_on) or None))
    faults: Faults = {}
    found = agreement(held)
    for arm in found.differ:
        kinds: dict[str | None, str] = {}
        for one in held:
            if one.arm == arm:
                kinds.setdefault(one.value, one.run)
        faults[arm] = [f"{run}: {value or NOT_RECORDED}" for value, run in kinds.items()]
    return faults


def _with(software: Software) -> str:
    threads, kernels = software.threads, "deterministic" if software.deterministic else "not deterministic"
    many = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{software.accelerator} in {software.precision}, {many}, {kernels}, torch {software.torch}"


def _learning_rate(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    return rate_search.faults(study, records)


def _measured(check: Callable[[Study, TrainingRecords], Faults]) -> Check:
    """A check that needs no digests."""
    return lambda study, records, sets: check(study, records)


def _runs(records: TrainingRecords) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Arm, run and recorded configuration of every fine-tuning."""
    for arm, tasks in records.arms.items():
        for task, cells in tasks.items():
            for name, kept in cells.items():
                for record in kept:
                    yield arm, f"{arm} ({task}, {name})", record.configuration or {}


def _configuration(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    faults: Faults = {}
    held: dict[str, list[Held]] = {"vocabulary_size": [], "pad_token_id": []}
    for arm, run, recorded in _runs(records):
        axes = study.arms[arm].axes
        declared = {
            **study.model.model_dump(),
            "max_length": study.text.max_length,
            "image_size": study.data.image_size,
            "regions": study.image_pretraining.regions,
            "axes": axes.model_dump() if axes else None,
        }
        if study.arms[arm].front == "precomputed":
            del declared["regions"]  # as many as came with the data
        wrong = [
            f"{key} is {recorded.get(key)}, not {value}"
            for key, value in declared.items()
            if recorded.get(key) != value
        ]
        wrong += [f"{key} is no setting of a model" for key in sorted(set(recorded) - _KEYS)]
        faults.setdefault(arm, []).extend(wrong if recorded else ["no configuration was recorded"])
        for key, values in held.items():
            values.append(Held(arm, run, str(recorded[key]) if key in recorded else None))
    for key, values in held.items():
        for arm in agreement(values).differ:
            faults.setdefault(arm, []).append(f"{key} is not the others'")
    return faults


def _labels_of_fronts(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    """Whether front ends that should have learned from the same labels did: by what they tell apart, and by their heads."""
    faults: Faults = {}
    held: dict[tuple[str, object], list[Held]] = {}
    for arm, run, recorded in _runs(records):
        front = study.arms[arm].front
        if front == "precomputed":  # what it learned from is not known
            continue
        named = front in ("detector", ORACLE) or study.image_pretraining.labels == "boxes"
        for key in ("object_classes", "object_attributes"):
            value = recorded.get(key)
            if not named and value != 1:
                faults.setdefault(arm, []).append(f"{key} is {value}, of a front end that learned no objects")
            held.setdefault((key, named), []).append(Held(arm, run, None if value is None else str(value)))
        features = recorded.get("region_features")
        held.setdefault(("region_features", front), []).append(
            Held(arm, run, None if features is None else str(features))
        )
    for (key, _), values in held.items():
        for arm in agreement(values).differ:
            faults.setdefault(arm, []).append(f"{key} is not that of the arms with the same labels")
    for arm, settings in study.arms.items():
        for component in set(settings.components) & {"grid", "patches"}:
            for record in records.components[component]:
                if record is not None and (record.heads is not None) != (study.image_pretraining.labels == "boxes"):
                    labels = "boxes" if record.heads is not None else "labels of whole pictures"
                    faults.setdefault(arm, []).append(f"{component} learned from {labels}")
    return faults


def _no_exact_boxes(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    """Ranked arms whose regions are, to the bit, those of an arm that reads exact boxes."""
    oracles = {arm for arm, settings in study.arms.items() if settings.front == ORACLE}
    exact, seen = set(), []
    for arm, tasks in records.arms.items():
        runs = [record for cells in tasks.values() for kept in cells.values() for record in kept]
        known = [*runs, *records.pretraining.get(arm, [])]
        found = {chain.regions for record in known for chain in record.chains} - {None, ""}
        if arm in oracles:
            exact |= found
        else:
            seen.append((arm, found))
    return {
        arm: ["was shown the exact boxes, which tell how many objects there are"]
        for arm, found in seen
        if found & exact
    }


def _closed_list(study: Study, records: TrainingRecords, sets: list[Compared]) -> Faults:
    """Whether settings stay within what the architecture's file says it may differ in."""
    faults: Faults = {}
    for arm, settings in study.arms.items():
        kind = architectures.load(settings.architecture)
        alike = [other for other in study.arms.values() if other.architecture == settings.architecture]
        for axis, undeclared in (
            ("freezing", bool(settings.freezing)),
            ("visual input", settings.front != "pixels"),
            ("start", _strays(settings, alike)),
        ):
            if undeclared and axis not in kind.MAY_DIFFER:
                faults.setdefault(arm, []).append(f"differs in {axis}, which its architecture's file does not allow")
    return faults


def _strays(settings: ArmSettings, alike: list[ArmSettings]) -> bool:
    same = sum(sorted(other.unimodal) == sorted(settings.unimodal) for other in alike)
    return 2 * same <= len(alike)


CHECKS: dict[str, tuple[str, Check]] = {
    "samples and their order": ("ids agree in every set of runs", _digests("ids")),
    "content": ("texts, pictures and targets agree in every set of runs", _digests("content")),
    "regions": ("what a frozen front end saw agrees among the arms that share it", _digests("regions")),
    "corruption": ("masks and mismatched pairs agree among arms with the same passes", _digests("corruption")),
    "start components": ("pretrained once, and the same for all that take them", _starts),
    "budget": ("every run trained for what the study gives, in the study's currency", _budgets),
    "freezing": ("every run froze what the study declares, for as long", _freezing),
    "precision and software": ("precision, threads, accelerator, determinism and torch are the same", _software),
    "learning rate": ("the same search for every arm, or none, and the rate that it found", _learning_rate),
    "optimiser": (
        "the same optimiser for every run, and the schedule that its budget says",
        _measured(as_built.optimiser),
    ),
    "dropout": ("networks drop with the study's probability, or nothing", _measured(as_built.dropout)),
    "masked share": ("as many words and regions were masked as declared", _measured(as_built.masking)),
    "initial scale": ("fresh weights have the scale of the arm's rule", _measured(as_built.initial_scale)),
    "kept from pretraining": (
        "each part was loaded or fresh as its start and its architecture's file say",
        _measured(as_built.kept),
    ),
    "counted as run": (
        "FLOPs are those of the step that was run, with a frozen front end's look at the pictures",
        _measured(as_built.counted),
    ),
    "configuration": ("sizes, text length, tokenizer and picture size are those of the study", _configuration),
    "labels of the front end": ("front ends with the same labels learned from the same", _labels_of_fronts),
    "no exact boxes": ("no ranked arm was shown exact boxes", _no_exact_boxes),
    "declared differences": ("settings differ only where the architecture's file says so", _closed_list),
}
"""What is checked, what is said where it holds, and how."""
