"""Reading and writing study files, and saying what is wrong with one.

`params.yaml` is complete: every setting, and the block `graph`, which is computed. Files of `studies/` are short and name
their defaults, a file of `studies/defaults/`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from components.errors import CeterisError
from components.study.checks import check
from components.study.expansion import DEFAULTS, expand
from components.study.graph import GRAPH, graph
from components.study.study import Study

_PLAIN = {"extra_forbidden": "there is no such key", "missing": "is missing"}
"""Our words for what pydantic says."""


def load_study(path: Path | str = "params.yaml") -> Study:
    """Read and check a study file, short or complete.

    Raises:
        CeterisError: the file or its defaults are missing or are not YAML, or a rule of the study is broken.
    """
    path = Path(path)
    if not path.is_file():
        raise CeterisError(f"{path} does not exist: name a study file such as studies/laptop.yaml.")
    content = read_yaml(path)
    if DEFAULTS in content:
        defaults_file = path.parent / DEFAULTS / f"{content[DEFAULTS]}.yaml"
        content = expand(content, read_defaults(path, str(content[DEFAULTS])), str(path), str(defaults_file))
        return parse_study(content, str(path))
    stages = content.pop(GRAPH, None)
    if stages is None and "arms" not in content:
        raise CeterisError(f"{path} is no study: begin it with `defaults:` and the name of a file of studies/defaults.")
    study = parse_study(content, str(path))
    if stages is not None and stages != graph(study):
        raise CeterisError(
            f"{path}: the block graph is not the one that this study makes. It is computed, so change studies/{study.name}.yaml "
            f"and write {path.name} anew with `ceteris study default {study.name}`."
        )
    return study


def read_defaults(study_file: Path, name: str) -> dict[str, Any]:
    """The defaults that a short study names.

    Raises:
        CeterisError: there are none of that name, or the file is not YAML.
    """
    folder = study_file.parent / DEFAULTS
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "(none yet)"
        raise CeterisError(f"{study_file}: defaults is {name!r}, which {folder} does not have: choose from {known}.")
    return read_yaml(path)


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a YAML file.

    Raises:
        CeterisError: it is not YAML, or does not hold keys.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CeterisError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise CeterisError(f"{path} is no study: it must hold keys with values.")
    return content


def parse_study(content: object, where: str) -> Study:
    """Check the content of a complete study, without its graph; `where` names it in errors."""
    try:
        study = Study.model_validate(content)
        check(study)
    except ValidationError as error:
        findings = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the file'}: "
            f"{_PLAIN.get(item['type'], item['msg'].removeprefix('Value error, '))}"
            for item in error.errors()
        )
        raise CeterisError(f"{where} is not a valid study: {findings}.") from None
    except ValueError as error:
        raise CeterisError(f"{where} is not a valid study: {error}.") from None
    return study


def expansion_text(study: Study, heading: str = "") -> str:
    """A complete study as `params.yaml` holds it: every setting, and the computed graph.

    Args:
        heading: a comment to begin with, without its #.
    """
    content = study.model_dump(mode="json") | {GRAPH: graph(study)}
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    return comment + dump_yaml(content)


def dump_yaml(content: Mapping[str, Any]) -> str:
    """YAML in which what has no further level stands in one line, and keys keep their order."""
    return "".join(
        yaml.safe_dump(
            {key: value},
            sort_keys=False,
            default_flow_style=None if isinstance(value, dict | list) else False,
            width=120,
            allow_unicode=True,
        )
        for key, value in content.items()
    )
