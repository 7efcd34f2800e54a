"""The architectures: one file per paper, and the table of them.

Adding one is one file here and one row; nothing is imported before it is asked for.
"""

from typing import TYPE_CHECKING

from components.catalogue import ArchitectureRow, placed

if TYPE_CHECKING:
    from components.models.architecture import Architecture

ARCHITECTURES: dict[str, ArchitectureRow] = {
    "clip": ArchitectureRow(
        place="components.models.architectures.clip:CLIP",
        written="CLIP",
        offers=("texts", "pictures"),
        norm="pre",
    ),
    "controlled": ArchitectureRow(
        place="components.models.architectures.controlled:Controlled",
        written="controlled",
        offers=("texts", "pictures", "places"),  # no places with fusion 'late': see `components.study.capabilities`
        norm=None,  # an axis
        freezes=True,
    ),
    "image_only": ArchitectureRow(
        place="components.models.architectures.image_only:ImageOnly",
        written="image only",
        offers=("pictures",),
        norm=None,  # convolutions, with batch norm
        baseline=True,
    ),
    "late_fusion": ArchitectureRow(
        place="components.models.architectures.late_fusion:LateFusion",
        written="late fusion",
        offers=("texts", "pictures"),
        norm="post",
        baseline=True,
    ),
    "lxmert": ArchitectureRow(
        place="components.models.architectures.lxmert:LXMERT",
        written="LXMERT",
        offers=("texts", "pictures", "places"),
        norm="post",
        names_of_boxes="attributes",
        reads_answers=True,
    ),
    "mmbt": ArchitectureRow(
        place="components.models.architectures.mmbt:MMBT",
        written="MMBT",
        offers=(
            "texts",
            "pictures",
        ),  # it averages the picture into 1 to 9 tokens, too coarse to point at an object with
        norm="post",
        freezes=True,
    ),
    "pixelbert": ArchitectureRow(
        place="components.models.architectures.pixelbert:PixelBERT",
        written="PixelBERT",
        offers=("texts", "pictures", "places"),
        norm="post",
    ),
    "text_only": ArchitectureRow(
        place="components.models.architectures.text_only:TextOnly",
        written="text only",
        offers=("texts",),
        norm="post",
        baseline=True,
    ),
    "uniter": ArchitectureRow(
        place="components.models.architectures.uniter:UNITER",
        written="UNITER",
        offers=("texts", "pictures", "places"),
        norm="post",
        names_of_boxes="classes",
    ),
    "vilbert": ArchitectureRow(
        place="components.models.architectures.vilbert:ViLBERT",
        written="ViLBERT",
        offers=("texts", "pictures", "places"),
        norm="post",
        names_of_boxes="classes",
    ),
    "vilt": ArchitectureRow(
        place="components.models.architectures.vilt:ViLT",
        written="ViLT",
        offers=("texts", "pictures", "places"),
        norm="pre",
    ),
    "visualbert": ArchitectureRow(
        place="components.models.architectures.visualbert:VisualBERT",
        written="VisualBERT",
        offers=("texts", "pictures", "places"),
        norm="post",
    ),
    "vlbert": ArchitectureRow(
        place="components.models.architectures.vlbert:VLBERT",
        written="VL-BERT",
        offers=("texts", "pictures", "places"),
        norm="post",
        names_of_boxes="classes",
    ),
}


def load(name: str) -> "type[Architecture]":
    """The class of an architecture.

    Raises:
        ValueError: there is no architecture of this name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture {name!r}; known are {', '.join(ARCHITECTURES)}")
    return placed(ARCHITECTURES[name].place)
