"""Which architecture can do which kind of task, and which of two norms its layers have.

Literal and without torch, because the study file is checked with it. A study may list any arm with any task: what an arm
cannot do is a gap in its row, never a zero. Tasks that are answered from a list of answers can be done by everyone, also by
the baselines that see half of the sample: what they get shows what that half gives away.
"""

from typing import Literal

Ability = Literal["texts", "pictures", "places"]

LACKS: dict[Ability, str] = {
    "texts": "it reads no text",
    "pictures": "it reads no pictures",
    "places": "it has no visual tokens that are each one place of the picture and have read the text",
}
"""What an architecture without the ability is said to lack."""

NEEDS: dict[str, tuple[Ability, ...]] = {
    "vqa": (),
    "statements": (),
    "classification": (),
    "grounding": ("texts", "pictures", "places"),
    "retrieval": ("texts", "pictures"),
    "pair_statements": (),
    "entailment": (),
}

SERVED = ("vqa", "statements", "classification", "entailment")
"""Kinds that are asked with one picture and one text, as a user would ask: their models are packaged, judged at the gate and
served. Of the others models are compared only."""

OFFERS: dict[str, tuple[Ability, ...]] = {
    "clip": ("texts", "pictures"),
    "controlled": ("texts", "pictures", "places"),  # but see `lacks`
    "image_only": ("pictures",),
    "late_fusion": ("texts", "pictures"),
    "lxmert": ("texts", "pictures", "places"),
    "mmbt": ("texts", "pictures"),  # it averages the picture into 1 to 9 tokens, too coarse to point at an object with
    "pixelbert": ("texts", "pictures", "places"),
    "text_only": ("texts",),
    "uniter": ("texts", "pictures", "places"),
    "vilbert": ("texts", "pictures", "places"),
    "vilt": ("texts", "pictures", "places"),
    "visualbert": ("texts", "pictures", "places"),
    "vlbert": ("texts", "pictures", "places"),
}

NAMES_OF_BOXES: dict[str, Literal["classes", "attributes"]] = {
    "lxmert": "attributes",
    "uniter": "classes",
    "vilbert": "classes",
    "vlbert": "classes",
}
"""What the losses of an architecture need to know of the boxes that a detector learned from, beside their places: what is in
each, or also what it is like. Those that are not listed need nothing."""

Norm = Literal["pre", "post"]

NORMS: dict[str, Norm | None] = {
    "clip": "pre",
    "controlled": None,  # an axis: see `norm_of`
    "image_only": None,  # convolutions, with batch norm
    "late_fusion": "post",
    "lxmert": "post",
    "mmbt": "post",
    "pixelbert": "post",
    "text_only": "post",
    "uniter": "post",
    "vilbert": "post",
    "vilt": "pre",
    "visualbert": "post",
    "vlbert": "post",
}
"""Whether an architecture's transformer normalises before its sublayers or after them; None where it has none. The two want
other learning rates (Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020)."""

FREEZES = ("controlled", "mmbt")
"""Architectures whose arms may keep parameters frozen for a while: the others' papers train everything at once."""


def norm_of(architecture: str, axis: Norm | None) -> Norm | None:
    """The norm of an arm.

    Args:
        axis: of a controlled arm, whose norm is one of its axes.
    """
    return axis or NORMS.get(architecture)


def lacks(architecture: str, kind: str, fusion: str | None = None) -> str:
    """Why an architecture cannot do a kind of task, as part of a sentence; empty where it can.

    Args:
        fusion: of a controlled arm. With fusion 'late' the visual tokens have not read the text.
    """
    # What is not in the table is not known to lack anything.
    offered = OFFERS.get(architecture, tuple(LACKS))
    for ability in NEEDS[kind]:
        if ability not in offered or (ability == "places" and fusion == "late"):
            return LACKS[ability]
    return ""
