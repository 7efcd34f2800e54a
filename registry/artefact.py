"""From a pure package to a pyfunc folder, and from a folder to answers.

An artefact is what a version of a registered model holds: `MLmodel`, the package, the code it needs, and under `gate/` the
decision about it. It answers in a process of its own, on the code it carries, so that the present code cannot change what
an old champion says.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import CeterisError
from components.records.model import read
from components.records.package import PACKAGE_FILE, Answering, Package

# What an artefact carries of `components`: enough to rebuild the model and answer, nothing of training.
CARRIED = (
    *("__init__.py", "catalogue.py", "errors.py", "models/**/*.py", "serving/*.py"),
    *("data/__init__.py", "data/images.py", "data/unreadable.py"),
)
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pillow", "pyarrow", "safetensors", "tokenizers", "torch", "transformers")
PYFUNC = "registry/pyfunc_model.py"
# Under MLflow's rules the artefact named "package" lies here, and carried code there.
PACKAGE = Path("artifacts/package")
CODE = Path("code")
RUN_FIRST = "run the pipeline first (ceteris run)"


def read_package(folder: Path) -> Package:
    """What a package of this version says of its model.

    Raises:
        CeterisError: the folder holds no package, or that of another version.
    """
    return read(folder / PACKAGE_FILE, Package, RUN_FIRST)


def read_answering(folder: Path) -> Answering:
    """What a package of any version says of how it answers.

    Raises:
        CeterisError: the folder holds no package.
    """
    return read(folder / PACKAGE_FILE, Answering, "restore the files of the version")


def build(root: Path, package: Path, example: tuple[bytes, str], folder: Path) -> None:
    """Write the pyfunc of a package: models from code, so nothing in it is pickled.

    Args:
        root: the workspace whose code made the package.
        package: `outputs/package/TASK`.
        example: a picture and a text, as the input example.
        folder: where to write; must not exist.
    """
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, DataType, Map, Schema

    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, "image"), ColSpec(DataType.string, "text")]),
        outputs=Schema(
            [
                ColSpec(DataType.string, "answer"),
                ColSpec(DataType.double, "score"),
                ColSpec(Map(DataType.double), "scores"),
            ]
        ),
    )
    with tempfile.TemporaryDirectory(prefix="ceteris-") as scratch:
        # MLflow names things by the last part of their path.
        copied = shutil.copytree(package, Path(scratch) / "package")
        code = _carried_code(root, Path(scratch) / "components")
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(root / PYFUNC),
            artifacts={"package": str(copied)},
            code_paths=[str(code)],
            signature=signature,
            input_example=pd.DataFrame({"image": [example[0]], "text": [example[1]]}),
            pip_requirements=requirements(),
        )
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)


def requirements() -> list[str]:
    """Exact versions of what answering needs: those installed here, on which the gate was passed."""
    # A local part such as +cpu names a build that no package index lists.
    return [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in REQUIREMENTS]


def _carried_code(root: Path, folder: Path) -> Path:
    source = root / "components"
    for pattern in CARRIED:
        for path in sorted(source.glob(pattern)):
            copy = folder / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def answer(artefact: Path, images: Sequence[bytes], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Ask an artefact, in a process of its own and on the code it carries.

    Returns:
        One `{"answer", "score", "scores"}` per picture and text; `scores` in the order of the package's answers. Where the
        carried code knows them also `"notes"`, sentences on what was not read of the text.

    Raises:
        CeterisError: the artefact refuses a request, or cannot run.
    """
    code = artefact / CODE
    if not (code / "components").is_dir() or not (artefact / PACKAGE).is_dir():
        raise CeterisError(f"{artefact} is no model of Ceteris: its code or its package is missing.")
    with tempfile.TemporaryDirectory(prefix="ceteris-") as scratch:
        requests, answers = Path(scratch) / "requests.parquet", Path(scratch) / "answers.parquet"
        columns = {"image": pa.array(images, pa.binary()), "text": pa.array(texts, pa.string())}
        pq.write_table(pa.table(columns), requests)
        process = subprocess.run(
            # Started inside the carried code: `-m` puts the working directory before everything installed.
            [
                sys.executable,
                "-m",
                "components.serving.answering",
                str((artefact / PACKAGE).resolve()),
                str(requests),
                str(answers),
            ],
            cwd=code,
            env={"HF_HUB_OFFLINE": "1", **os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        said = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        if process.returncode == 2:
            raise CeterisError(said[-1])
        if process.returncode:
            raise CeterisError(f"the model in {artefact} cannot run on its own code ({said[-1]}).")
        return pq.read_table(answers).to_pylist()
