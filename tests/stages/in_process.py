"""Stages run in this process, where a test asks what they write or refuse and not how a process ends."""

import argparse
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.stages import floors, materialise, tokenize, validate
from components.study.study import Study
from components.tracking.spool import Spool

VERDICT = ("outputs/validation/verdict.json", "outputs/validation/findings.json")


def stage(root: Path, *outs: str, said: list[str] | None = None) -> Any:
    """What `run` of a stage is given, with these outs; its lines of log go to `said`."""
    lines = [] if said is None else said
    return SimpleNamespace(
        root=root,
        loop=nullcontext,
        out=lambda index=0: root / outs[index],
        progress=lambda percent, message: None,
        log=lines.append,
        spool=Spool(None, "test"),
        scratch=root / ".ceteris/scratch",
        stop_requested=False,
    )


def prepare(root: Path, study: Study, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages up to the floors; returns what they logged."""
    monkeypatch.chdir(root)
    said: list[str] = []
    nothing = argparse.Namespace()
    materialise.run(study, nothing, stage(root, "outputs/data", said=said))
    (root / "outputs/validation").mkdir()
    validate.run(study, nothing, stage(root, *VERDICT, said=said))
    tokenize.run(study, nothing, stage(root, "outputs/tokens"))
    floors.run(study, nothing, stage(root, "outputs/floors"))
    return said
