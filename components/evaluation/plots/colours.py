"""What the parts of a picture look like: a kind of part has a paint, and a paint has a colour in light and in dark.

Every part carries its paint as plain attributes in the light colours, which every viewer of SVG understands. Style sheets know the
same paints by the names of the kinds, with colours that follow the reader's setting, and go before the attributes.
"""

LIGHT = {
    "paper": "#fcfcfa",
    "ink": "#1c1d21",
    "soft": "#62656d",
    "faint": "#b4b6bb",
    "rule": "#e6e6e1",
    "floor": "#a23b52",
    "highlight": "#f1efe6",
    "zone": "#e4ecdf",
    "scratch": "#767b86",
    "unimodal": "#2563c4",
    "multimodal": "#c2571a",
    "series-a": "#0f766e",
    "series-b": "#7c3aad",
    "series-c": "#946200",
    "series-d": "#b0276b",
    "series-e": "#4d6b1f",
}
DARK = {
    "paper": "#16171a",
    "ink": "#ededea",
    "soft": "#a3a6ae",
    "faint": "#5a5d65",
    "rule": "#2c2e33",
    "floor": "#ef8ca2",
    "highlight": "#232428",
    "zone": "#24332a",
    "scratch": "#a0a5b0",
    "unimodal": "#79aaf7",
    "multimodal": "#f19a63",
    "series-a": "#4cc2b5",
    "series-b": "#c199ee",
    "series-c": "#e0b04e",
    "series-d": "#f08bbd",
    "series-e": "#a9cc70",
}
OWNERS = ("series-a", "series-b", "series-c", "series-d", "series-e", "scratch", "unimodal", "multimodal")
"""Kinds that say whose a part is: `own` is their colour."""
PAINTS = {
    "paper": {"fill": "paper"},
    "ink": {"fill": "ink"},
    "soft": {"fill": "soft"},
    "rule": {"stroke": "rule", "stroke-width": "1"},
    "axis": {"stroke": "faint", "stroke-width": "1"},
    "floor": {"stroke": "floor", "stroke-width": "1.25", "stroke-dasharray": "3 3"},
    "floor-text": {"fill": "floor"},
    "band": {"fill": "highlight"},
    "strong": {"font-weight": "600"},
    "fill": {"fill": "own"},
    "line": {"stroke": "own", "fill": "none", "stroke-width": "2"},
    "thin": {"stroke": "own", "stroke-width": "1.75", "stroke-opacity": ".7"},
    "area": {"fill": "own", "fill-opacity": ".16"},
    "faded": {"fill": "own", "fill-opacity": ".35"},
    "dashed": {"stroke-dasharray": "5 4"},
    "halo": {"stroke": "paper", "stroke-width": "1.5"},
    "hollow": {"fill": "paper", "stroke": "own", "stroke-width": "1.75"},
    "clear": {"paint-order": "stroke", "stroke": "paper", "stroke-width": "3", "stroke-linejoin": "round"},
    "margin": {"fill": "zone"},
    "zero": {"stroke": "soft", "stroke-width": "1.25"},
    "front": {"stroke": "soft", "stroke-width": "1.25", "fill": "none", "stroke-dasharray": "2 3"},
}
_COLOURED = ("fill", "stroke")
_HALO = "clear"
"""The halo of words over lines is told by style sheets alone: drawn without `paint-order` it would cover the words."""


def painted(kind: str) -> str:
    """The attributes of a part of some kinds, such as "multimodal fill halo": its classes, and their paints in light.

    Raises:
        KeyError: a paint has its owner's colour, and no kind says whose the part is.
    """
    kinds = kind.split()
    owners = [kind for kind in kinds if kind in OWNERS]
    colours = LIGHT | ({"own": LIGHT[owners[-1]]} if owners else {})
    attributes: dict[str, str] = {}
    for name in (kind for kind in kinds if kind != _HALO):
        for key, value in PAINTS.get(name, {}).items():
            attributes[key] = colours[value] if key in _COLOURED and value != "none" else value
    return " ".join(f'{key}="{value}"' for key, value in {**attributes, "class": kind}.items())


def variables(colours: dict[str, str]) -> str:
    """Colours as CSS variables."""
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


def style_sheet() -> str:
    """The paints as CSS rules, with the colours as variables."""
    owners = "".join(f".{owner}{{--own:var(--{owner})}}" for owner in OWNERS)
    return owners + "".join(f".{kind}{{{';'.join(_rules(paint))}}}" for kind, paint in PAINTS.items())


def _rules(paint: dict[str, str]) -> list[str]:
    return [
        f"{key}:var(--{value})" if key in _COLOURED and value != "none" else f"{key}:{value}"
        for key, value in paint.items()
    ]


def picture_sheet() -> str:
    """For a picture that stands alone: its attributes are for light, and these rules for readers who asked for dark.

    A viewer that knows no conditions in style sheets skips both of them, and one that knows them knows variables, too.
    """
    halo = f":root{{--paper:{LIGHT['paper']}}}.{_HALO}{{{';'.join(_rules(PAINTS[_HALO]))}}}"
    dark = f":root{{{variables(DARK)}}}{style_sheet()}"
    return f"@supports (paint-order:stroke){{{halo}}}@media (prefers-color-scheme:dark){{{dark}}}"
