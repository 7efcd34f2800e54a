"""In what two cells of a study differ, and which differences rule a verdict out."""

from components.study.arms import ArmSettings
from components.study.axes import DATA_AXES
from components.study.capabilities import norm_of
from components.study.cells import Cell
from components.study.study import Study

NOT_SETTINGS = {"starts", "few_label_starts", "matched_starts"}
"""Which cells of an arm are run; they say nothing of what a cell is."""
LABEL_DIET = "label_diet"
MASKED_WORDS = "masked_words"


def differences(study: Study, first: Cell, second: Cell) -> list[str]:
    """In what two cells differ, sorted: axes of a controlled arm and of the data, settings of an arm, `start`, `budget`, `labels`.

    Some settings count only where they had an effect:

    * what an intermediate step reads, and which share of words it masks: where both cells went through one;
    * what is frozen: where both cells begin from something;
    * what a cell begins from: where at least one of them begins from something. If that is BERT's weights alone, the axis is
      `text_encoder`;
    * what front ends learned from (`label_diet`): where it is unlike, or where nobody knows it;
    * the budget: a twin has another one than every cell but the multimodal start, whose cost it matches.
    """
    arms = [_settings(study.arms[cell.arm]) for cell in (first, second)]
    found = {key for key in arms[0].keys() | arms[1].keys() if arms[0].get(key) != arms[1].get(key)}
    if len({diet(study, cell.arm) for cell in (first, second)}) > 1:
        found.add(LABEL_DIET)
    starts = {cell.start for cell in (first, second)}
    if starts == {"multimodal"}:
        read = [study.arms[cell.arm].pairs.levels for cell in (first, second)]
        found |= {axis for axis in DATA_AXES if read[0][axis] != read[1][axis]}
    else:
        found.discard(MASKED_WORDS)
    begin_with = [set(study.arms[cell.arm].unimodal) for cell in (first, second)]
    if begin_with[0] ^ begin_with[1] == {"text"}:
        found = found - {"unimodal"} | {"text_encoder"}
    if "scratch" in starts:
        found.discard("freezing")
    if starts == {"scratch"}:
        found -= {"unimodal", "text_encoder"}
    if len(starts) > 1:
        found.add("start")
    if first.few != second.few:
        found.add("labels")
    matched = [cell.matched for cell in (first, second)]
    if matched[0] != matched[1] and "multimodal" not in (first.start, second.start):
        found.add("budget")
    return sorted(found)


def _settings(arm: ArmSettings) -> dict[str, object]:
    values: dict[str, object] = arm.model_dump(exclude=NOT_SETTINGS | {"axes", "pairs"})
    return values | {"mode": arm.mode} | (arm.axes.model_dump() if arm.axes else {})


def diet(study: Study, arm: str) -> str:
    """What an arm's visual front end learned from: 'image', 'boxes', 'unknown', or 'none' where it has none."""
    front = study.arms[arm].front
    if front == "pixels":
        return "none"
    if front == "precomputed":
        return "unknown"
    # A detector learns from boxes in any case, and exact boxes are described by it.
    return "boxes" if front in ("detector", "boxes") else study.image_pretraining.labels


def other_norm(study: Study, first: str, second: str) -> str:
    """Why two arms have no verdict for their norms, as a sentence without its full stop; empty where nothing is.

    Where one learning rate is set for all arms, which of two norms it suits better would decide; a search that is the same
    for every arm settles that. A controlled arm is never compared with a faithful one.
    """
    if study.tuning.trials:
        return ""
    arms = {arm: study.arms[arm] for arm in (first, second)}
    norms = {name: norm_of(arm.architecture, arm.axes.norm if arm.axes else None) for name, arm in arms.items()}
    if {"pre", "post"} - set(norms.values()) or len({arm.mode for arm in arms.values()}) > 1:
        return ""
    before, after = sorted(norms, key=lambda arm: norms[arm] == "post")
    return (
        f"{before} is pre-norm and {after} post-norm: the two want other learning rates, and one was set for both "
        "without a search"
    )


def other_scale(study: Study, first: str, second: str) -> str:
    """Why two controlled arms have no verdict for their initial scales, likewise.

    A step of Adam is as long whatever the size of the weights, so to small ones the same rate is a larger one.
    """
    axes = [study.arms[arm].axes for arm in (first, second)]
    scales = {arm: one.initial_scale for arm, one in zip((first, second), axes, strict=True) if one}
    if study.tuning.trials or len(set(scales.values())) < 2:
        return ""
    ours, berts = sorted(scales, key=lambda arm: scales[arm] == "bert")
    return (
        f"{berts} begins with weights of BERT's size and {ours} with those of the common rule: the two want other learning "
        "rates, and one was set for both without a search"
    )
