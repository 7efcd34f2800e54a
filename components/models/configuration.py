"""The one size at which every architecture is built."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfiguration:
    """Sizes and encoders. The same object builds every architecture, so that size is no difference between them.

    An encoder is `'tiny'` (built here, at the sizes below) or the name or local folder of a Hugging Face checkpoint,
    which brings its own sizes.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    dropout: float
    patch_size: int
    stem_widths: tuple[int, ...]
    image_tokens: int
    projection: int
    text_encoder: str
    grid_encoder: str
    patch_encoder: str
    vocabulary_size: int
    max_length: int
    image_size: int
    pad_token_id: int

    def __post_init__(self) -> None:
        """Check that the sizes fit one another.

        Raises:
            ValueError: heads do not divide the width, or patches do not tile the image.
        """
        # A settings file gives a list; a tuple keeps the configuration hashable.
        object.__setattr__(self, "stem_widths", tuple(self.stem_widths))
        if self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        if self.image_size % self.patch_size:
            raise ValueError(f"patch_size ({self.patch_size}) must divide image_size ({self.image_size})")
