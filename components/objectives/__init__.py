"""The pretraining losses: one file each, and the table of them.

Adding one is one file here and one row; nothing is imported before it is asked for.

A loss is an `nn.Module` that holds what only pretraining needs. Called with a model, what that model made of a batch,
and the batch, it returns the loss and detached figures to log; the model is never part of it. Losses on pictures alone
take an encoder and a batch.
"""

from typing import TYPE_CHECKING

from components.catalogue import ObjectiveRow, placed

if TYPE_CHECKING:
    from torch import nn

OBJECTIVES: dict[str, ObjectiveRow] = {
    "alignment": ObjectiveRow(place="components.objectives.alignment:Alignment"),
    "contrastive": ObjectiveRow(place="components.objectives.contrastive:Contrastive", corruption=("truth",)),
    "image_labels": ObjectiveRow(place="components.objectives.image_labels:ImageLabels"),
    "image_questions": ObjectiveRow(
        place="components.objectives.image_questions:ImageQuestions", content=("pair_answers",)
    ),
    "itm": ObjectiveRow(place="components.objectives.itm:ImageTextMatching"),
    "mlm": ObjectiveRow(place="components.objectives.mlm:MaskedLanguageModelling"),
    "region_attributes": ObjectiveRow(place="components.objectives.region_attributes:RegionAttributes"),
    "region_classes": ObjectiveRow(place="components.objectives.region_classes:RegionClasses"),
    "region_distribution": ObjectiveRow(place="components.objectives.region_distribution:RegionDistribution"),
    "region_divergence": ObjectiveRow(place="components.objectives.region_divergence:RegionDivergence"),
    "region_divergence_mean": ObjectiveRow(place="components.objectives.region_divergence_mean:RegionDivergenceMean"),
    "region_features": ObjectiveRow(place="components.objectives.region_features:RegionFeatures"),
    "region_features_smooth": ObjectiveRow(place="components.objectives.region_features_smooth:RegionFeaturesSmooth"),
    "token_alignment": ObjectiveRow(place="components.objectives.token_alignment:TokenAlignment"),
}


def load(name: str) -> "type[nn.Module]":
    """The class of a loss.

    Raises:
        ValueError: there is no loss of this name.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"there is no objective {name!r}; known are {', '.join(OBJECTIVES)}")
    return placed(OBJECTIVES[name].place)
