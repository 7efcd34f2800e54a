"""The templates of the report, `templates/*`: what is put into them is escaped, and what they lack is an error."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.evaluation.plots.drawing import Canvas


def drawn(canvas: Canvas) -> Markup:
    """What was drawn on a canvas, as SVG.

    This alone goes into a page as it is. A canvas escapes the words that it is given.
    """
    return Markup("".join(canvas.parts))


def digest(script: str) -> str:
    """The digest by which a content security policy lets a script run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.filters |= {"drawn": drawn, "digest": digest}
