"""The import closure: a stage may load no first-party code that the graph does not know as its input."""

import hashlib
import json
import sys
from pathlib import Path

from components.errors import CeterisError
from components.stages.graph_node import Declared

# The frame around every stage: it parses, reports and checks, and has no part in what outs contain.
FRAME = frozenset(
    {
        "components/errors.py",
        "components/catalogue.py",
        "components/stages/stage.py",
        "components/stages/graph_node.py",
        "components/stages/closure.py",
        "components/tracking/spool.py",
    }
)
STUDY = ("components/study/", "components/data/scenes/settings.py", "components/data/sources/manifest_settings.py")
"""What a study says reaches a stage as declared parameters."""
FIRST_PARTY = ("components", "flows", "registry", "infra")
HANDED_OVER = "code.json"
"""In the folder of an arm (the stage `starts`): the source files that it is made of, with their sha256."""


def check_closure(root: Path, node: Declared) -> None:
    """Check the modules loaded so far against the declared inputs.

    Package `__init__` files hold docstrings and lazy dictionaries of names only (a test keeps them so) and are no inputs.

    Raises:
        CeterisError: something was loaded that `dvc.yaml` does not declare for this stage.
    """
    arm = code_of_the_arm(root, node)
    undeclared = [
        path
        for path in loaded_files(root)
        if path not in FRAME
        and not path.startswith(STUDY)
        and not path.endswith("__init__.py")
        and not node.covers(path)
        and path not in arm
    ]
    if undeclared:
        raise CeterisError(
            f"stage {node.address} loaded {', '.join(undeclared)}, which dvc.yaml does not declare: "
            f"add it to the deps of {node.address.partition('@')[0]}."
        )


def code_of_the_arm(root: Path, node: Declared) -> set[str]:
    """The source files that the stage `starts` handed over with the arm.

    Raises:
        CeterisError: one of them has changed since.
    """
    files: dict[str, str] = {}
    for dependency in node.dependencies:
        path = root / dependency / HANDED_OVER
        if path.is_file():
            files |= json.loads(path.read_text(encoding="utf-8"))
    for file, digest in files.items():
        if hashlib.sha256((root / file).read_bytes()).hexdigest() != digest:
            raise CeterisError(f"{file} has changed since the stage starts ran: run `dvc repro` from there.")
    return set(files)


def loaded_files(root: Path) -> list[str]:
    """Paths, relative to the root, of the first-party modules in this process."""
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(root):
            relative = Path(file).relative_to(root)
            if relative.parts[0] in FIRST_PARTY:
                files.add(relative.as_posix())
    return sorted(files)
