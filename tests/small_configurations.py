"""The small model configurations of the tests, in one place."""

from dataclasses import replace

from components.models.configuration import ModelConfiguration

SMALL = ModelConfiguration(
    width=32,
    layers=2,
    heads=2,
    feed_forward=64,
    dropout=0.0,
    patch_size=8,
    stem_widths=(8, 16),
    image_tokens=3,
    projection=24,
    text_encoder="tiny",
    grid_encoder="tiny",
    patch_encoder="tiny",
    vocabulary_size=60,
    max_length=16,
    image_size=32,
    pad_token_id=0,
)
"""For the tests of models, objectives, tasks and training."""
PARITY = replace(
    SMALL,
    layers=3,
    heads=4,
    feed_forward=48,
    stem_widths=(8,),
    image_tokens=1,
    projection=16,
    vocabulary_size=50,
    max_length=12,
    image_size=24,
)
"""For the comparisons with independent implementations."""


def small(**changes: object) -> ModelConfiguration:
    """The small configuration with changes."""
    return replace(SMALL, **changes)


def parity(**changes: object) -> ModelConfiguration:
    """The configuration of the comparisons with changes."""
    return replace(PARITY, **changes)
