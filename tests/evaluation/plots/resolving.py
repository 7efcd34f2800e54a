"""The colours of a drawing as a viewer finds them that knows attributes and no style sheets."""

import re
from xml.etree import ElementTree

DRAWN = {"line", "rect", "circle", "path", "text", "tspan"}
HEXADECIMAL = re.compile(r"#[0-9a-f]{6}")


def without_colour(drawing: str) -> list[str]:
    """The parts of an SVG drawing whose colour no attribute tells, neither their own nor one of what they lie in."""
    root = ElementTree.fromstring(drawing)
    parents = {child: parent for parent in root.iter() for child in parent}
    found = []
    for part in root.iter():
        tag = part.tag.rpartition("}")[2]
        shows_words = tag in ("text", "tspan") and (part.text or "").strip()
        if tag not in DRAWN or (tag in ("text", "tspan") and not shows_words):
            continue
        colours = {}
        for name in ("fill", "stroke"):
            holder: ElementTree.Element | None = part
            while holder is not None and name not in holder.attrib:
                holder = parents.get(holder)
            colours[name] = None if holder is None else holder.get(name)
        # SVG fills with black what says nothing; a line has nothing to fill.
        needed = "stroke" if tag == "line" or colours["fill"] == "none" else "fill"
        told = [colour for colour in colours.values() if colour not in (None, "none")]
        if colours[needed] is None or not all(HEXADECIMAL.fullmatch(str(colour)) for colour in told):
            found.append(ElementTree.tostring(part, encoding="unicode"))
    return found
