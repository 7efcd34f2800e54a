"""Read names of classes from the features that Hugging Face's libraries write into the schema of a Parquet file."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Translate = Callable[[Any], Any]


class UnknownClassError(ValueError):
    """A class number without a name; the message is the number."""


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """Column name to feature; empty where the schema has none that can be read."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return features if isinstance(features, dict) else {}


def translator(feature: Any) -> Translate | None:
    """A function that replaces class numbers by names in the values of a feature; None where it holds no classes.

    It also replaces them inside lists and structs, such as boxes with their categories.
    """
    if isinstance(feature, list) and len(feature) == 1:
        return translator(feature[0])
    if not isinstance(feature, dict):
        return None
    if names := _names(feature):
        return lambda value: _named(value, names)
    if "feature" in feature and "_type" in feature:
        return translator(feature["feature"])
    inside = {key: found for key, inner in feature.items() if (found := translator(inner))}
    return (lambda value: _inside(value, inside)) if inside else None


def first_names(feature: Any) -> list[str]:
    """The class names of a feature, or of the first feature inside it with classes; empty where there are none."""
    if isinstance(feature, list):
        return next((names for inner in feature if (names := first_names(inner))), [])
    if not isinstance(feature, dict):
        return []
    return _names(feature) or next((names for inner in feature.values() if (names := first_names(inner))), [])


def _names(feature: Mapping[str, Any]) -> list[str]:
    if feature.get("_type") != "ClassLabel":
        return []
    names = feature.get("names")
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=int)]
    return [str(name) for name in names] if isinstance(names, list) else []


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if not 0 <= value < len(names):
        raise UnknownClassError(str(value))
    return names[value]


def _inside(value: Any, inside: Mapping[str, Translate]) -> Any:
    if isinstance(value, list):
        return [_inside(item, inside) for item in value]
    if not isinstance(value, dict):
        return value
    return value | {key: translate(value[key]) for key, translate in inside.items() if key in value}
