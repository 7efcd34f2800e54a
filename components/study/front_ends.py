"""Who looks at the picture: the visual front ends by name, and what each is made of."""

from typing import Literal

Component = Literal["text", "grid", "patches"]
Front = Literal["pixels", "detector", "boxes", "grid", "patches", "precomputed"]

ORACLE: Front = "boxes"
"""Exact boxes tell how many objects there are: shown, never ranked with the others."""
FRONT_COMPONENTS: dict[Front, str | None] = {
    "pixels": None,
    "detector": "detector",
    "boxes": "detector",
    "grid": "grid",
    "patches": "patches",
    "precomputed": None,
}
"""The image-pretraining component that a visual front end is made of."""
TRAINED_FRONTS = ("detector", "grid", "patches")
"""What can be pretrained on pictures alone."""
