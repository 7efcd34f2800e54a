"""What every architecture is: an `nn.Module` that can be built from a configuration and called with tensors.

Shapes: B batch, T text tokens, V visual tokens, D width, P readout width, E shared embedding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.passes import Pretraining
from components.models.states import Batch, States

AXES = (
    "text encoder",
    "visual input",
    "spatial code",
    "fusion",
    "objectives",
    "corruption",
    "readout",
    "norm",
    "initial scale",
    "start",
    "freezing",
)
"""What architectures differ in. Everything else is held equal by the study."""


class Architecture(nn.Module, ABC):
    """One arm of a study. Subclasses list what deviates from their paper under DEVIATIONS in their docstring.

    Attributes:
        COMPONENTS: unimodally pretrained component ("text", "grid", "patches") to the submodule that takes it.
        PRETRAINING: the forward passes and losses of the multimodal intermediate step; none where the paper has none.
        CARD: what it is on each of `AXES`.
        MAY_DIFFER: the closed list of axes in which the faithful arm may differ from others.
        pooled_size: P, the width of `States.pooled`.
    """

    COMPONENTS: ClassVar[dict[str, str]]
    PRETRAINING: ClassVar[Pretraining]
    CARD: ClassVar[dict[str, str]]
    MAY_DIFFER: ClassVar[tuple[str, ...]]
    pooled_size: int

    @abstractmethod
    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__()

    @abstractmethod
    def encode(self, batch: Batch) -> States:
        """Read a batch of pairs; what each tensor of it is, `components.models.states.Batch` says."""

    @abstractmethod
    def head(self, outputs: int) -> nn.Module:
        """A fresh task head as the paper has it: (B, P) to (B, outputs)."""

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        """What the head of a kind of task reads, (B, P): `States.pooled` unless the paper has another for it."""
        return states.pooled

    def begin_pretraining(self) -> None:
        """Do from now on what the paper does in its intermediate step alone, whenever the model is in training mode."""

    def adapt_component(self, name: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Rewrite a component's weights where the submodule's form differs but can hold the same function."""
        return weights


def load_component(architecture: Architecture, name: str, weights: Mapping[str, Tensor]) -> None:
    """Put a unimodally pretrained component into its place; every weight must fit, none may be missing.

    Raises:
        ValueError: the architecture takes no such component.
        RuntimeError: names or shapes of the weights do not fit.
    """
    if name not in architecture.COMPONENTS:
        known = ", ".join(architecture.COMPONENTS) or "none"
        raise ValueError(f"{type(architecture).__name__} takes no component {name!r} (it takes: {known})")
    submodule = architecture.get_submodule(architecture.COMPONENTS[name])
    weights = architecture.adapt_component(name, weights)
    # Layers that read text and image jointly hold BERT in a form of their own, and more than BERT.
    load_bert = getattr(submodule, "load_bert", None)
    if load_bert is not None:
        load_bert(weights)
    else:
        submodule.load_state_dict(weights, strict=True)
