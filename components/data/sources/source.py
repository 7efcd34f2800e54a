"""The list of sources, and the function that runs the source of a study."""

import importlib
from collections.abc import Callable, Mapping

from components.data.samples import SampleWriter
from components.errors import CeterisError
from components.study.data_settings import DataSettings
from components.study.tasks import TaskSettings

Progress = Callable[[float, str], None]

# Name in the study file to module. Every module has a function `write` with the signature below.
SOURCES = {
    "scenes": "components.data.scenes.generate",
    "manifest": "components.data.sources.manifest",
    "nlvr": "components.data.sources.nlvr",
}


def write(writer: SampleWriter, settings: DataSettings, tasks: Mapping[str, TaskSettings], progress: Progress) -> None:
    """Write all samples and pictures of the source that the settings name, up to `source.json`.

    Raises:
        CeterisError: what the source reads is missing or cannot be used.
    """
    if settings.source not in SOURCES:
        raise CeterisError(f"data.source is {settings.source!r}: name one of {', '.join(SOURCES)}.")
    importlib.import_module(SOURCES[settings.source]).write(writer, settings, tasks, progress)
