"""Writes a ready study for the user's own manifest: `ceteris study new --data MANIFEST --task classification|vqa NAME`.

The study begins as the default one, `params.yaml`; what the data decides is changed. The data is copied to `data/NAME`,
which git ignores; workspaces take it from there.
"""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from components.data.own_studies.placing import copied, refuse_difference, settings_in_place, settings_of_copy
from components.data.own_studies.study_content import PATCHES, Measured, adapt
from components.data.sources.entries import Manifest
from components.data.sources.manifest_settings import ManifestSettings
from components.errors import CeterisError
from components.study.loading import parse_study

SMALLEST, LARGEST = 16, 1024
"""Sides of pictures that can be asked for, in pixels."""
SHORTEST, LONGEST = 4, 512
"""Lengths of texts that can be asked for, in tokens."""
TASKS = ("classification", "vqa")


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        name: of the study: small letters, digits and underscores.
        data: a manifest, or the folder that holds it.
        task: what its rows ask.
        settings: columns and places that the user names; None for those of the default study.
        pictures: folders, beside the manifest's own, in which pictures may lie.
        size: side of the square that pictures are fitted into; None to choose one.
        length: of texts in tokens; None to choose one.
    """

    name: str
    data: Path
    task: Literal["classification", "vqa"]
    settings: dict[str, Any] | None = None
    pictures: Sequence[Path] = ()
    size: int | None = None
    length: int | None = None


@dataclass(frozen=True)
class Written:
    """The study file, what was understood of the data, and what the study leaves out."""

    path: Path
    understood: list[str]
    warnings: list[str]
    left_out: list[str]


def write_study(
    request: Request,
    root: Path,
    progress: Callable[[int], None] = lambda rows: None,
    tell: Callable[[list[str]], None] = lambda lines: None,
) -> Written:
    """Check a manifest, put its data at `data/NAME` and write `studies/NAME.yaml`.

    Args:
        root: the clone, whose `params.yaml` is the default study.
        progress: is told how many rows have been read.
        tell: is told what was understood, before anything is refused.

    Raises:
        CeterisError: the manifest is faulty (one line per finding), or the name is taken or not allowed.
    """
    study_path, data_path = root / "studies" / f"{request.name}.yaml", root / "data" / request.name
    folder = request.data if request.data.is_dir() else request.data.parent
    in_place = folder.resolve() == data_path.resolve()
    _check_request(request, study_path, data_path, in_place)
    # Great Expectations takes seconds to import: only after the request itself is known to be sound.
    from components.data.validation.check import examine

    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    settings = ManifestSettings(**content["data"]["manifest"] | (request.settings or {}))
    examined = examine(
        request.data,
        request.task,
        settings,
        request.pictures,
        search=True,
        size=request.size,
        length=request.length,
        progress=progress,
    )
    tell(examined.understanding.lines())
    examined.findings.raise_if_critical(str(request.data))
    measured = Measured(
        training=examined.splits.count("train"),
        texts=examined.written,
        boxes=examined.boxed,
        box_classes=examined.box_classes,
        image_size=examined.pictures.image_size if request.size is None else request.size,
        background=examined.pictures.background,
        value_range=examined.pictures.value_range,
        vocabulary_size=examined.texts.vocabulary_size,
        max_length=examined.texts.max_length,
        fewest_rows_per_answer=examined.settings.fewest_rows_per_answer,
    )
    place = settings_in_place if in_place else settings_of_copy
    reading = place(examined.settings, examined.manifest)
    left_out = adapt(content, request.name, request.task, reading, measured)
    parse_study(content, str(study_path))
    comments = _comments(request, [*examined.understanding.lines(), *left_out])
    if in_place:
        refuse_difference(examined.manifest, Manifest(data_path, reading))
        _write(study_path, comments + _dump(content))
    else:
        with copied(examined.manifest, data_path, reading):
            _write(study_path, comments + _dump(content))
    return Written(study_path, examined.understanding.lines(), examined.findings.sentences("warning"), left_out)


def _check_request(request: Request, study_path: Path, data_path: Path, in_place: bool) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", request.name):
        raise CeterisError(
            f"{request.name!r} cannot name a study: use small letters, digits and underscores, at most 40, beginning with a letter."
        )
    if request.task not in TASKS:
        raise CeterisError(f"{request.task!r} is no task of a manifest: say {' or '.join(TASKS)}.")
    check_limits(request.size, request.length)
    if study_path.exists():
        raise CeterisError(f"{study_path} exists: choose another name, or remove it first.")
    if data_path.exists() and not in_place:
        raise CeterisError(f"{data_path} exists: choose another name, or remove it first.")


def check_limits(size: int | None, length: int | None) -> None:
    """Whether pictures and texts of these sizes can be read.

    Raises:
        CeterisError: they cannot.
    """
    if size is not None and (size % PATCHES or not SMALLEST <= size <= LARGEST):
        raise CeterisError(
            f"--size {size}: give a multiple of {PATCHES} from {SMALLEST} to {LARGEST}, for a picture is cut into "
            f"{PATCHES} x {PATCHES} patches."
        )
    if length is not None and not SHORTEST <= length <= LONGEST:
        raise CeterisError(f"--length {length}: give a number of tokens from {SHORTEST} to {LONGEST}.")


def _options(request: Request) -> str:
    """What was said beside the data and the task, as options."""
    settings = request.settings or {}
    said = [(name, value) for name, value in settings.get("columns", {}).items() if value is not None]
    said += [("prefix", settings.get("prefix")), ("size", request.size), ("length", request.length)]
    said += [("pictures", folder.name) for folder in request.pictures]
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in said if value is not None)


def _comments(request: Request, understood: list[str]) -> str:
    """The head of the study file: what was understood, and how to change it."""
    lines = [
        f"Made by `ceteris study new --data {request.data.name} --task {request.task} {request.name}{_options(request)}`.",
        "Complete and flat: every key may be changed.",
        "Labels of training rows enter image pretraining, and captions where rows have no text.",
        "What was understood of the data:",
        *(f"  {line}" for line in understood),
    ]
    return "".join(f"# {line}\n" for line in lines)


def _dump(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
