"""Serve the study as a deployment: a typed form on the Prefect page starts or schedules it.

`from __future__ import annotations` must not be used here, because Prefect reads the form's types at run time. The choices in
the form come from the clone that serves it. The server refuses a wrong value before it creates a run.
"""

import os
import warnings
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.deployments.runner import EntrypointType
from prefect.states import Failed
from pydantic import BaseModel, ConfigDict, Field, field_validator

from components.errors import CeterisError
from components.study.loading import load_study
from flows import pipeline
from flows.running import choose_workspace
from flows.workspaces.checkout import find_home

DEPLOYMENT = "local"


@cache
def _choices() -> tuple[list[str], list[str]]:
    """Names of the studies of this clone, and of the arms that any of them compares."""
    home = find_home()
    studies = {path.stem: load_study(path) for path in sorted((home / "studies").glob("*.yaml"))}
    if not studies:
        raise CeterisError(f"{home / 'studies'} has no study: make one with `ceteris study new`.")
    return list(studies), sorted({name for study in studies.values() for name in study.arms})


def _study_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = _choices()[0]


def _arm_schema(schema: dict[str, Any]) -> None:
    schema["enum"] = _choices()[1]


class StudyForm(BaseModel):
    """Which study to run, and how it is to differ from its file."""

    model_config = ConfigDict(extra="forbid")

    study: str = Field(title="Study", description="a file of studies/", json_schema_extra=_study_schema)
    arms: list[Annotated[str, Field(json_schema_extra=_arm_schema)]] = Field(
        default=[], title="Arms", description="only these; none chosen means all of the study"
    )
    replicates: int | None = Field(
        default=None, ge=1, le=10, title="Replicates", description="of every chain; empty means the study's own"
    )
    scale: float = Field(default=1.0, ge=0.1, le=10.0, title="Budget factor", description="times every training budget")

    @field_validator("study")
    @classmethod
    def _is_a_study(cls, value: str) -> str:
        return _one_of(value, _choices()[0])

    @field_validator("arms")
    @classmethod
    def _are_arms(cls, values: list[str]) -> list[str]:
        return [_one_of(value, _choices()[1]) for value in values]


def _one_of(value: str, choices: list[str]) -> str:
    if value not in choices:
        raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
    return value


@flow(name="ceteris-study", persist_result=False)
def served_study(form: StudyForm) -> PrefectState[Any]:
    """Run a study in its own workspace, as `ceteris run` does."""
    try:
        scale = None if form.scale == 1.0 else form.scale
        workspace = choose_workspace(find_home(), form.study, form.replicates, form.arms or None, scale)
    except CeterisError as error:
        return Failed(message=str(error))
    return pipeline.carry_out(workspace, tracking_uri=os.environ.get("MLFLOW_TRACKING_URI"))


def serve_study(home: Path, server: str) -> None:
    """Serve until interrupted. Schedules made on the page stay active and wait for the next `ceteris serve`."""
    os.chdir(home)
    # Prefect causes this warning itself, although it does stop its runner.
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    print(
        f"start or schedule the study at {server}/deployments (ceteris-study/{DEPLOYMENT}); Ctrl-C ends this",
        flush=True,
    )
    served_study.serve(
        name=DEPLOYMENT,
        tags=["ceteris"],
        description="Runs a study of this clone in its own workspace.",
        pause_on_shutdown=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
