"""What `dvc.yaml` declares for the running stage, read without DVC.

Training machines may lack DVC, yet a stage must know its declared inputs: to key its checkpoints and to check that it
loaded no code that the graph does not know of.
"""

import argparse
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.errors import CeterisError

_TEMPLATE = re.compile(r"\$\{([a-z0-9_.\[\]]+)\}")


@dataclass(frozen=True)
class Declared:
    """One node of the graph, with every template filled in."""

    address: str
    command: str
    dependencies: tuple[str, ...]
    parameters: Mapping[str, Any]
    outs: tuple[str, ...]

    def covers(self, path: str) -> bool:
        """Whether a file of ours, relative to the root, is a declared input."""
        return any(
            path == dependency or path.startswith(dependency.rstrip("/") + "/") for dependency in self.dependencies
        )

    def key(self, root: Path) -> str:
        """A hash of command, parameters, inputs and code: equal keys, equal outs."""
        digest = hashlib.sha256()
        digest.update(json.dumps([self.command, self.parameters], sort_keys=True).encode())
        for dependency in sorted(self.dependencies):
            for path in _files(root / dependency):
                digest.update(str(path.relative_to(root)).encode() + b"\0")
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]


def declared(root: Path, module: str, arguments: argparse.Namespace) -> Declared:
    """Find the node that runs `components.stages.MODULE` with these arguments.

    Raises:
        CeterisError: no stage of `dvc.yaml` runs it.
    """
    stages = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    given = {name: str(value) for name, value in vars(arguments).items()}
    for name, stage in stages.items():
        template = stage.get("do", stage)
        words = template["cmd"].split()
        if words[2] != f"components.stages.{module}":
            continue
        options = [key.removeprefix("item.") for key in _TEMPLATE.findall(template["cmd"])]
        for key, item in _items(stage, params):
            if {option: item[option] for option in options} == given:
                return _resolve(f"{name}@{key}" if key else name, template, item, params)
    raise CeterisError(f"dvc.yaml has no stage that runs components.stages.{module} with {given or 'no arguments'}.")


def _items(stage: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """What stands behind the @ of each address, and the values that templates call `item`."""
    if "foreach" in stage:
        for key, item in lookup(params, stage["foreach"][2:-1]).items():
            yield str(key), {name: str(value) for name, value in item.items()}
        return
    matrix = stage.get("matrix", {})
    axes = {
        axis: lookup(params, values[2:-1]) if isinstance(values, str) else values for axis, values in matrix.items()
    }
    for combination in itertools.product(*axes.values()):
        item = {axis: str(value) for axis, value in zip(axes, combination, strict=True)}
        yield "-".join(item.values()), item


def _resolve(address: str, stage: Mapping[str, Any], item: Mapping[str, str], params: Mapping[str, Any]) -> Declared:
    def fill(text: str) -> str:
        return _TEMPLATE.sub(
            lambda match: item[match[1][5:]] if match[1].startswith("item.") else str(lookup(params, match[1])), text
        )

    keys = [fill(key) for key in stage.get("params", [])]
    return Declared(
        address=address,
        command=fill(stage["cmd"]),
        dependencies=tuple(fill(path) for path in stage["deps"]),
        parameters={key: lookup(params, key) for key in keys},
        outs=tuple(fill(path) for path in stage["outs"]),
    )


def lookup(params: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key of `params.yaml`; `key[0]` is the first of a list.

    Raises:
        CeterisError: there is no such key.
    """
    value: Any = params
    for part in key.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
            continue
        if not isinstance(value, Mapping) or part not in value:
            raise CeterisError(f"params.yaml has no key {key}, which dvc.yaml asks for.")
        value = value[part]
    return value


def _files(path: Path) -> list[Path]:
    """A file, or all files below a folder, in order, byte code left out."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
