"""The pretraining losses by name. Adding one is one file and one line here; nothing is imported before it is asked for.

A loss is an `nn.Module` that holds what only pretraining needs. Called with a model, what that model made of a batch,
and the batch, it returns the loss and detached figures to log; the model is never part of it. Losses on pictures alone
take an encoder and a batch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

# Written as entry points are: module:class.
OBJECTIVES: dict[str, str] = {
    "alignment": "components.objectives.alignment:Alignment",
    "contrastive": "components.objectives.contrastive:Contrastive",
    "image_labels": "components.objectives.image_labels:ImageLabels",
    "image_questions": "components.objectives.image_questions:ImageQuestions",
    "itm": "components.objectives.itm:ImageTextMatching",
    "mlm": "components.objectives.mlm:MaskedLanguageModelling",
    "region_attributes": "components.objectives.region_attributes:RegionAttributes",
    "region_classes": "components.objectives.region_classes:RegionClasses",
    "region_divergence": "components.objectives.region_divergence:RegionDivergence",
    "region_features": "components.objectives.region_features:RegionFeatures",
    "region_features_smooth": "components.objectives.region_features_smooth:RegionFeaturesSmooth",
}


def load(name: str) -> "type[nn.Module]":
    """The class of a loss.

    Raises:
        ValueError: there is no loss of this name.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"there is no objective {name!r}; known are {', '.join(OBJECTIVES)}")
    module, class_name = OBJECTIVES[name].split(":")
    return getattr(import_module(module), class_name)
