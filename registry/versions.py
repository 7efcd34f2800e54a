"""Versions of registered models in MLflow: one registered model per study and task, aliases `champion` and `challenger`.

The name is `STUDY-TASK`. Neither part can contain a hyphen, so names cannot be confused, and a task that two studies call
by the same name (`classification`, say) keeps a champion in each.
"""

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlparse

from mlflow import MlflowClient, artifacts
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS
from mlflow.utils.uri import is_local_uri

from components.errors import CeterisError
from components.files.digests import digest_of_bytes
from components.files.locks import locked

CHAMPION, CHALLENGER = "champion", "challenger"
_SQLITE = "sqlite:///"
_LONGEST_DESCRIPTION = 5000  # a column of MLflow's database


def registered_name(study: str, task: str) -> str:
    """The registered model of a study's task."""
    return f"{study}-{task}"


def database_of(tracking_uri: str) -> Path | None:
    """The SQLite file behind a tracking address; None where there is a server."""
    if not tracking_uri.startswith(_SQLITE):
        return None
    return Path(unquote(tracking_uri.removeprefix(_SQLITE))).resolve()


@dataclass(frozen=True)
class Registry:
    """The registry at a tracking address. Addresses are passed on explicitly: MLflow's global ones are left alone."""

    tracking_uri: str

    @cached_property
    def client(self) -> MlflowClient:
        """The client of tracking and registry, which says nothing on its own account."""
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process of this machine at a time decides about champions of this registry.

        The lock is the operating system's: it ends with its holder, however that ends.
        """
        database = database_of(self.tracking_uri)
        if database is None:
            folder = Path(tempfile.gettempdir()) / f"ceteris-{os.getuid()}"
            folder.mkdir(mode=0o700, exist_ok=True)
            path = folder / f"{digest_of_bytes(self.tracking_uri.encode())[:16]}.lock"
        else:
            path = database.with_name(database.name + ".promotion.lock")
        with locked(path):
            yield

    def champion(self, name: str) -> ModelVersion | None:
        """The version with the alias `champion`, if any."""
        try:
            return self.client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions, oldest first."""
        found = self.client.search_model_versions(f"name = '{name}'", max_results=10_000)
        return sorted(found, key=lambda version: int(version.version))

    def version(self, name: str, number: str) -> ModelVersion:
        """One version."""
        return self.client.get_model_version(name, number)

    @contextmanager
    def folder(self, version: ModelVersion) -> Iterator[Path]:
        """The artefact of a version: where it lies, or a copy of it for as long as it is needed.

        Raises:
            CeterisError: its files are gone.
        """
        uri = self._reachable(self.client.get_model_version_download_uri(version.name, version.version))
        with tempfile.TemporaryDirectory(prefix="ceteris-") as scratch:
            folder, reason = Path(), "there is no MLmodel"
            try:
                copy = None if is_local_uri(uri) else scratch
                folder = Path(artifacts.download_artifacts(uri, dst_path=copy, tracking_uri=self.tracking_uri))
            except (MlflowException, OSError) as error:
                reason = " ".join(str(error).split())
            if not (folder / "MLmodel").is_file():
                raise CeterisError(
                    f"the files of {version.name} version {version.version} cannot be had from {uri} ({reason}): "
                    "restore them, or roll back."
                )
            yield folder

    def register(
        self,
        study: str,
        name: str,
        folder: Path,
        description: str,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
    ) -> str:
        """Upload an artefact as a new version and return its number. It has no alias yet.

        A run of its own says in the study's experiment when and with what result that was done.
        """
        client = self.client
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        experiment = self._experiment(study)
        run = client.create_run(experiment, tags=dict(tags), run_name=f"promote {name}").info.run_id
        status = "FAILED"
        try:
            model = client.create_logged_model(
                experiment, name, source_run_id=run, tags=dict(tags), model_type="pyfunc"
            )
            self._upload(model, folder)
            model = client.finalize_logged_model(model.model_id, "READY")
            for key, value in metrics.items():
                client.log_metric(run, key, value, model_id=model.model_id)
            # Given as a location and with its run: `models:/ID` would be looked up at MLflow's global address.
            version = client.create_model_version(
                name,
                source=model.artifact_location,
                run_id=run,
                model_id=model.model_id,
                tags=dict(tags),
                description=description[:_LONGEST_DESCRIPTION],
                await_creation_for=0,
            )
            # As mlflow.register_model does: the model's page then links to its version.
            link = json.dumps([{"name": name, "version": version.version}])
            client.set_logged_model_tags(model.model_id, {MLFLOW_MODEL_VERSIONS: link})
            status = "FINISHED"
        finally:
            client.set_terminated(run, status)
        return str(version.version)

    def _upload(self, model: LoggedModel, folder: Path) -> None:
        location = self._reachable(model.artifact_location)
        if location == model.artifact_location:
            self.client.log_model_artifacts(model.model_id, str(folder))
        else:
            LocalArtifactRepository(location).log_artifacts(str(folder))

    def _reachable(self, location: str) -> str:
        """Where a server keeps its artifacts, when there is only its database to talk to."""
        database = database_of(self.tracking_uri)
        if database is None or not location.startswith("mlflow-artifacts:"):
            return location
        return (database.parent / "mlartifacts" / urlparse(location).path.lstrip("/")).as_uri()

    def _experiment(self, study: str) -> str:
        if found := self.client.get_experiment_by_name(study):
            return str(found.experiment_id)
        database = database_of(self.tracking_uri)
        location = None if database is None else (database.parent / "mlartifacts" / study).as_uri()
        return str(self.client.create_experiment(study, artifact_location=location))
