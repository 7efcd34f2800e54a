"""The base class of every architecture: an `nn.Module` that is built from a configuration and called with tensors.

Shapes: B batch, T text tokens, V visual tokens, D width, P readout width, E shared embedding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.heads import KeptHead, linear_head
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
"""Axes in which architectures differ. The study holds everything else equal."""


class Architecture(nn.Module, ABC):
    """The base class. Subclasses list their deviations from the paper under DEVIATIONS in their docstring.

    Attributes:
        COMPONENTS: unimodally pretrained component ("text", "grid", "patches") to the submodule that loads it.
        PRETRAINING: the forward passes and losses of the multimodal intermediate step; empty where the paper has none.
        CARD: a description of the architecture on each of `AXES`.
        TIED_WORDS: masked words are predicted by a layer that shares its weights with the word embeddings.
        MAY_DIFFER: the only axes in which the faithful arm may differ from others.
        KEEPS: by kind of task, what its head keeps of pretraining's; heads of other tasks are fresh.
        ZEROS: parameters that begin at zero by the paper, whatever the rule of the initial scale.
        pooled_size: P, the width of `States.pooled`.
    """

    COMPONENTS: ClassVar[dict[str, str]]
    PRETRAINING: ClassVar[Pretraining]
    CARD: ClassVar[dict[str, str]]
    MAY_DIFFER: ClassVar[tuple[str, ...]]
    TIED_WORDS: ClassVar[bool] = True
    KEEPS: ClassVar[Mapping[str, KeptHead]] = {}
    ZEROS: ClassVar[tuple[str, ...]] = ()
    pooled_size: int

    @abstractmethod
    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__()

    @abstractmethod
    def encode(self, batch: Batch) -> States:
        """Read a batch of pairs; `components.models.states.Batch` describes its tensors."""

    @abstractmethod
    def head(self, outputs: int) -> nn.Module:
        """A freshly initialised task head of the paper's form: (B, P) to (B, outputs)."""

    def pair_head(self) -> nn.Module:
        """A fresh head that scores a pair of text and picture, one linear layer: (B, P) to (B, 1)."""
        return linear_head(self.pooled_size, 1)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        """The input of the head for a kind of task, (B, P): `States.pooled`, unless the paper uses another readout for it."""
        return states.pooled

    def begin_pretraining(self) -> None:
        """Switch on, for training mode, what the paper does only in its intermediate step."""

    def adapt_component(self, name: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Rewrite a component's weights where the submodule has another form that can compute the same function."""
        return weights


def load_component(architecture: Architecture, name: str, weights: Mapping[str, Tensor]) -> None:
    """Load a unimodally pretrained component into its submodule; every weight must fit, and none may be missing.

    Raises:
        ValueError: the architecture takes no such component.
        RuntimeError: names or shapes of the weights do not fit.
    """
    if name not in architecture.COMPONENTS:
        known = ", ".join(architecture.COMPONENTS) or "none"
        raise ValueError(f"{type(architecture).__name__} takes no component {name!r} (it takes: {known})")
    submodule = architecture.get_submodule(architecture.COMPONENTS[name])
    weights = architecture.adapt_component(name, weights)
    # Layers that read text and image jointly hold BERT's weights in another form, and have more weights than BERT.
    load_bert = getattr(submodule, "load_bert", None)
    if load_bert is not None:
        load_bert(weights)
    else:
        submodule.load_state_dict(weights, strict=True)
