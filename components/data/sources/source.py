"""Runs the source that a study names."""

import importlib
from collections.abc import Callable, Mapping

from components.data.samples import SampleWriter
from components.data.sources import SOURCES
from components.study.data_settings import DataSettings
from components.study.tasks import TaskSettings

Progress = Callable[[float, str], None]


def write(writer: SampleWriter, settings: DataSettings, tasks: Mapping[str, TaskSettings], progress: Progress) -> None:
    """Write all samples and pictures of the source that the settings name, up to `source.json`.

    The module of a source offers `write` with the same arguments.

    Raises:
        CeterisError: what the source reads is missing or cannot be used.
    """
    importlib.import_module(SOURCES[settings.source].module).write(writer, settings, tasks, progress)


def redraw(
    writer: SampleWriter,
    settings: DataSettings,
    tasks: Mapping[str, TaskSettings],
    replicate: int,
    progress: Progress,
) -> None:
    """Write the training samples of one replicate, up to `source.json`: other ones than `write` draws, and as many.

    The module of a source whose row says `redraws` offers `redraw` with the same arguments.
    """
    importlib.import_module(SOURCES[settings.source].module).redraw(writer, settings, tasks, replicate, progress)
