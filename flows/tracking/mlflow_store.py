"""The tracker's calls to MLflow. If an answer is lost, a call can be repeated without changing anything twice.

Only `MlflowClient` with an explicit address is used. The fluent interface keeps a run in process-wide state and would show it
as finished when code failed.
"""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlparse

from components.files.locks import locked

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY_TAG = "ceteris.key"
METRICS_PER_BATCH = 1000
PARAMETERS_PER_BATCH = 100
LONGEST_PARAMETER = 6000
LONGEST_TAG = 5000
LONGEST_DATASET_DIGEST = 36
# Error codes for which a retry is useless.
_PERMANENT = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "MALFORMED_REQUEST", "PERMISSION_DENIED"})

Item = TypeVar("Item")


class RefusedError(Exception):
    """MLflow refuses this permanently; a retry is useless."""


class MissingError(Exception):
    """The run is not in this store."""


class Point(NamedTuple):
    """One value of one learning curve; `step` counts samples, `time` is in seconds."""

    key: str
    value: float
    time: float
    step: int


class Store:
    """One MLflow store, by its address: `sqlite:///FILE` or `http://127.0.0.1:PORT`.

    Every method may raise network errors (retry later), `RefusedError` (do not retry) or `MissingError`.
    """

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._client: MlflowClient | None = None

    @property
    def client(self) -> "MlflowClient":
        """The client. The first use imports MLflow and, for a new SQLite file, creates its schema; this takes seconds."""
        if self._client is None:
            # The tracker waits for the end of an outage, visibly and interruptibly. A single request must not wait minutes.
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
            os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
            from mlflow import MlflowClient

            database = database_file(self.tracking_uri)
            with _schema(database) if database else nullcontext():
                self._client = MlflowClient(tracking_uri=self.tracking_uri)
        return self._client

    def experiment(self, name: str) -> str:
        """The id of an experiment. It is created if it does not exist, and restored if it was deleted."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            database = database_file(self.tracking_uri)
            location = (database.parent / "mlartifacts" / name).as_uri() if database else None
            try:
                return self.client.create_experiment(name, artifact_location=location)
            except Exception:
                found = self.client.get_experiment_by_name(name)  # another process may have created it meanwhile
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def has_run(self, run: str) -> bool:
        """Whether a run is in this store."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_run(run)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def keys(self, experiment: str, parent: str) -> dict[str, str]:
        """The ids of the runs below a parent, by the key with which they were created."""
        found = self._search(experiment, f"tags.`mlflow.parentRunId` = '{parent}'")
        return {run.data.tags.get(KEY_TAG, ""): run.info.run_id for run in found}

    def keyed(self, experiment: str, key: str) -> str | None:
        """The id of the run that was created with this key; None if there is none."""
        found = self._search(experiment, f"tags.`{KEY_TAG}` = '{key}'")
        return next((run.info.run_id for run in found), None)

    def maker(self, experiment: str, address: str, inputs: str) -> tuple[str, dict[str, str]] | None:
        """The last run, in any workspace, that made a stage's outputs from these inputs, and its tags; None if there is none."""
        condition = f"tags.DVC_STAGE = '{address}' and tags.inputs = '{inputs}' and attributes.status = 'FINISHED'"
        for run in self._search(experiment, condition):
            if "made_by" not in run.data.tags:
                return run.info.run_id, dict(run.data.tags)
        return None

    def create(self, experiment: str, key: str, name: str, started: float, tags: Mapping[str, str]) -> str:
        """Create a run. If an earlier answer may have been lost, call `keyed` or `keys` first."""
        run = self.client.create_run(experiment, round(started * 1000), {KEY_TAG: key, **_tags(tags)}, name)
        return str(run.info.run_id)

    def parameters(self, run: str, values: Mapping[str, Any]) -> None:
        """Log parameters; nested ones get dotted names. MLflow refuses another value for a parameter that was logged."""
        from mlflow.entities import Param

        flat = {_name(key): value[:LONGEST_PARAMETER] for key, value in _flatten(values)}
        for batch in _batches([Param(key, value) for key, value in flat.items()], PARAMETERS_PER_BATCH):
            self._ask(self.client.log_batch, run, params=batch)

    def metrics(self, run: str, points: Iterable[Point]) -> None:
        """Log points. MLflow stores points with equal name, step, time and value only once."""
        from mlflow.entities import Metric

        metrics = [Metric(_name(point.key), point.value, round(point.time * 1000), point.step) for point in points]
        for batch in _batches(metrics, METRICS_PER_BATCH):
            self._ask(self.client.log_batch, run, metrics=batch)

    def tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        for batch in _batches([RunTag(key, value) for key, value in _tags(tags).items()], PARAMETERS_PER_BATCH):
            self._ask(self.client.log_batch, run, tags=batch)

    def dataset(self, run: str, name: str, digest: str, samples: int | None, context: str) -> None:
        """Log a data set by its digest. MLflow keeps its first 36 characters; the profile holds all of it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"digest": digest})
        profile = json.dumps({"samples": samples, "digest": digest} if samples is not None else {"digest": digest})
        dataset = Dataset(name, digest[:LONGEST_DATASET_DIGEST], "ceteris", source, profile=profile)
        self._ask(self.client.log_inputs, run, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])

    def artifact(self, run: str, path: Path, folder: str | None = None) -> None:
        """Store a file, or the files of a folder, with a run."""
        location = self._local_artifacts(run)
        if location is not None:
            from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

            repository = LocalArtifactRepository(location)
            (repository.log_artifacts if path.is_dir() else repository.log_artifact)(str(path), folder)
        elif path.is_dir():
            self._ask(self.client.log_artifacts, run, str(path), folder)
        else:
            self._ask(self.client.log_artifact, run, str(path), folder)

    def end(self, run: str, status: str, ended: float) -> None:
        """Give a run its terminal status: FINISHED, FAILED or KILLED."""
        self._ask(self.client.set_terminated, run, status, round(ended * 1000))

    def _local_artifacts(self, run: str) -> str | None:
        """The folder in which a server keeps a run's artifacts, if the store is the server's database itself; else None."""
        database = database_file(self.tracking_uri)
        if database is None:
            return None
        location = self.client.get_run(run).info.artifact_uri
        if not location.startswith("mlflow-artifacts:"):
            return None
        return (database.parent / "mlartifacts" / urlparse(location).path.lstrip("/")).as_uri()

    def _search(self, experiment: str, condition: str) -> Iterator["Run"]:
        token = None
        while True:
            page = self.client.search_runs(
                [experiment], condition, order_by=["attributes.start_time DESC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _ask(self, question: Any, *arguments: Any, **keywords: Any) -> None:
        from mlflow.exceptions import MlflowException

        try:
            question(*arguments, **keywords)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise MissingError(str(error)) from error
            if error.error_code in _PERMANENT:
                raise RefusedError(str(error)) from error
            raise


def database_file(tracking_uri: str) -> Path | None:
    """The file of an SQLite address, or None for any other address."""
    if not tracking_uri.startswith("sqlite:///"):
        return None
    return Path(unquote(tracking_uri.removeprefix("sqlite:///"))).resolve()


@contextmanager
def _schema(database: Path) -> Iterator[None]:
    """Hold a lock while the first client of an SQLite file creates its schema, because two processes would interfere.

    Afterwards the file has a write-ahead log, which is twice as fast and does not make readers wait.
    """
    with locked(Path(f"{database}.lock")):
        yield
        with closing(sqlite3.connect(database, timeout=120)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, default=str)


def _name(name: str) -> str:
    """A name with only the characters and the length that MLflow allows."""
    return re.sub(r"[^\w./ :-]", "_", name)[:250]


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {_name(key): str(value)[:LONGEST_TAG] for key, value in tags.items()}


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
