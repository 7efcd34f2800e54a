"""Write a complete study for the user's own manifest: `ceteris study new --data MANIFEST --task classification|vqa NAME`.

The study begins as the default one, `params.yaml`. What the data decides is changed, and what then differs from the
defaults is written. The data is copied to `data/NAME`, which git ignores. Workspaces take it from there.
"""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.data.own_studies.placing import copied, refuse_difference, settings_in_place, settings_of_copy
from components.data.own_studies.study_content import PATCHES, Measured, adapt
from components.data.sources.entries import Manifest
from components.data.sources.manifest_settings import ManifestSettings
from components.errors import CeterisError
from components.files.atomic import write_text
from components.study.expansion import DEFAULTS, expand, shorten
from components.study.loading import dump_yaml, load_study, parse_study, read_defaults

SMALLEST, LARGEST = 16, 1024
"""Sides of pictures that can be asked for, in pixels."""
SHORTEST, LONGEST = 4, 512
"""Lengths of texts that can be asked for, in tokens."""
TASKS = ("classification", "vqa")
BEGINS_FROM = "two_cores"
"""The file of `studies/defaults/` that a made study names."""
_SAID = {
    "replicates": "How often everything is trained, each time with other draws. More find smaller differences.",
    "arms": "What is compared: take out what you do not need. An arm may say what differs from the defaults, as in\n"
    "`vilt: {starts: [multimodal]}`.",
    "tasks": "What is asked. few_labels: how many labelled rows the runs on few labels see; left out, there are none.",
    "data": "Where the rows and pictures are, and how they are read.",
    "pretrain_text": "How long everything trains: other numbers of samples, or steps, flops or seconds instead.",
}
"""What stands above a key of a made study."""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        name: of the study: small letters, digits and underscores.
        data: a manifest, or the folder that holds it.
        task: the kind of task that its rows are for.
        settings: manifest settings that the user gives; None for those of the default study.
        pictures: further folders in which pictures may lie.
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
    # Imported only now, after the request has been checked, because Great Expectations takes seconds to import.
    from components.data.validation.check import examine

    content = load_study(root / "params.yaml").model_dump(mode="json")
    defaults = read_defaults(study_path, BEGINS_FROM)
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
    short = {DEFAULTS: BEGINS_FROM, **shorten(content, defaults)}
    complete = expand(short, defaults, str(study_path), str(study_path.parent / DEFAULTS / f"{BEGINS_FROM}.yaml"))
    parse_study(complete, str(study_path))
    text = _comments(request, [*examined.understanding.lines(), *left_out]) + _commented(short)
    if in_place:
        refuse_difference(examined.manifest, Manifest(data_path, reading))
        write_text(study_path, text)
    else:
        with copied(examined.manifest, data_path, reading):
            write_text(study_path, text)
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
    """Check a requested picture size (pixels) and text length (tokens); None means not requested.

    Raises:
        CeterisError: one of them is not allowed.
    """
    if size is not None and (size % PATCHES or not SMALLEST <= size <= LARGEST):
        raise CeterisError(
            f"--size {size}: give a multiple of {PATCHES} from {SMALLEST} to {LARGEST}, for a picture is cut into "
            f"{PATCHES} x {PATCHES} patches."
        )
    if length is not None and not SHORTEST <= length <= LONGEST:
        raise CeterisError(f"--length {length}: give a number of tokens from {SHORTEST} to {LONGEST}.")


def _options(request: Request) -> str:
    """The rest of the request as command-line options, for the head of the study file."""
    settings = request.settings or {}
    said = [(name, value) for name, value in settings.get("columns", {}).items() if value is not None]
    said += [("prefix", settings.get("prefix")), ("size", request.size), ("length", request.length)]
    said += [("pictures", folder.name) for folder in request.pictures]
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in said if value is not None)


def _comments(request: Request, understood: list[str]) -> str:
    """The head of the study file: what was understood, and how to change it."""
    lines = [
        f"Made by `ceteris study new --data {request.data.name} --task {request.task} {request.name}{_options(request)}`.",
        f"Says what differs from studies/{DEFAULTS}/{BEGINS_FROM}.yaml. Any setting that stands there may be set here too.",
        f"`ceteris study show {request.name}` prints the complete study.",
        "Labels of training rows enter image pretraining, and captions where rows have no text.",
        "What was understood of the data:",
        *(f"  {line}" for line in understood),
    ]
    return "".join(f"# {line}\n" for line in lines)


def _commented(short: dict[str, Any]) -> str:
    """A short study as text, with a word on what people change."""
    text = ""
    for key, value in short.items():
        if said := _SAID.get(key):
            text += "\n" + "".join(f"# {line}\n" for line in said.splitlines())
        nothing_said = key in ("arms", "tasks") and not any(value.values())
        text += dump_yaml({key: list(value) if nothing_said else value})
    return text
