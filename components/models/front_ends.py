"""Build the frozen visual front ends by name, and load their pretrained weights.

The front end `boxes` uses the data's exact boxes (an oracle). `precomputed` has no module, because its regions come from files.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.detector import DenseHeads, RegionDetector
from components.models.encoders import EncoderKind, grid_encoder, output_width, patch_encoder
from components.models.regions import CellRegions, GivenRegions

ENCODERS: dict[str, tuple[EncoderKind, Callable[[ModelConfiguration], nn.Module]]] = {
    "grid": ("grid", grid_encoder),
    "patches": ("patches", patch_encoder),
}


def region_front(kind: str, configuration: ModelConfiguration) -> nn.Module:
    """A fresh front end.

    Args:
        kind: 'detector', 'boxes', 'grid' or 'patches'.
        configuration: its `regions`, `object_classes` and `object_attributes` set what the front end predicts.

    Raises:
        ValueError: there is no such front end.
    """
    if kind in ("detector", "boxes"):
        detector = region_detector(configuration)
        return detector if kind == "detector" else GivenRegions(detector)
    if kind not in ENCODERS:
        raise ValueError(f"there is no front end {kind!r}; known are detector, boxes, grid, patches")
    encoder_kind, build = ENCODERS[kind]
    heads = None
    if configuration.object_classes > 1 or configuration.object_attributes > 1:
        heads = dense_heads(encoder_kind, configuration)
    return CellRegions(encoder_kind, build(configuration), heads)


def region_detector(configuration: ModelConfiguration) -> RegionDetector:
    """A fresh detector."""
    return RegionDetector(
        configuration.stem_widths,
        configuration.object_classes - 1,
        configuration.object_attributes - 1,
        configuration.regions,
    )


def dense_heads(kind: EncoderKind, configuration: ModelConfiguration) -> DenseHeads:
    """Fresh heads that predict boxes from the cells of an encoder."""
    channels = output_width(kind, configuration)
    return DenseHeads(channels, configuration.object_classes - 1, configuration.object_attributes - 1)


def load_region_front(front: nn.Module, files: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Load into a front end the weights that image pretraining wrote.

    Args:
        files: state dicts by the name of their file: `weights`, and `heads` for cells trained on boxes.
    """
    if isinstance(front, CellRegions):
        front.encoder.load_state_dict(files["weights"])
        if front.heads is not None:
            front.heads.load_state_dict(files["heads"])
    else:
        (front.detector if isinstance(front, GivenRegions) else front).load_state_dict(files["weights"])


def region_features(kind: str, configuration: ModelConfiguration) -> int:
    """F, how many numbers describe a region; 0 where the architecture reads pixels."""
    if kind in ("detector", "boxes"):
        return configuration.stem_widths[-1]
    return output_width(ENCODERS[kind][0], configuration) if kind in ENCODERS else 0
