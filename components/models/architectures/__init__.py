"""The architectures by name. To add one, write one file and one line here. An architecture is imported when it is loaded."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.models.architecture import Architecture

# In the form of entry points: module:class.
ARCHITECTURES: dict[str, str] = {
    "clip": "components.models.architectures.clip:CLIP",
    "controlled": "components.models.architectures.controlled:Controlled",
    "image_only": "components.models.architectures.image_only:ImageOnly",
    "late_fusion": "components.models.architectures.late_fusion:LateFusion",
    "lxmert": "components.models.architectures.lxmert:LXMERT",
    "mmbt": "components.models.architectures.mmbt:MMBT",
    "pixelbert": "components.models.architectures.pixelbert:PixelBERT",
    "text_only": "components.models.architectures.text_only:TextOnly",
    "uniter": "components.models.architectures.uniter:UNITER",
    "vilbert": "components.models.architectures.vilbert:ViLBERT",
    "vilt": "components.models.architectures.vilt:ViLT",
    "visualbert": "components.models.architectures.visualbert:VisualBERT",
    "vlbert": "components.models.architectures.vlbert:VLBERT",
}


def load(name: str) -> "type[Architecture]":
    """The class of an architecture.

    Raises:
        ValueError: there is no architecture of this name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no architecture {name!r}; known are {', '.join(ARCHITECTURES)}")
    module, class_name = ARCHITECTURES[name].split(":")
    return getattr(import_module(module), class_name)
