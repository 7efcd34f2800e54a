import shutil
import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.registry.fabricated import make_workspace, stub_answer


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its schema, which takes seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments(max_results=1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_registry: Path) -> str:
    """A registry of its own for one test."""
    return f"sqlite:///{shutil.copy(empty_registry, tmp_path / 'mlflow.db')}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace after a run of the pipeline, without a package."""
    (tmp_path / "workspace").mkdir()
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that know a number of answers, in place of real ones in processes of their own."""
    monkeypatch.setattr("registry.promote.answer", stub_answer)
