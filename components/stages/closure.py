"""The code of a stage, held against what the stage `code` has written down: nothing else is loaded, and nothing has changed."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from components.code.reached import FIRST_PARTY, Entry, Sources
from components.errors import CeterisError
from components.files.digests import digest_of_file
from components.files.json_files import write_json
from components.paths import code_folder
from components.stages.graph_node import Declared

# The frame around every stage: it parses, reports and checks, and has no part in what outs contain. What it imports is not
# followed from here. A stage that computes with a study's model imports it too, and then it counts.
FRAME = frozenset(
    {
        "components/errors.py",
        "components/paths.py",
        "components/stages/stage.py",
        "components/stages/graph_node.py",
        "components/stages/closure.py",
        "components/study/loading.py",
        "components/study/checks.py",
        "components/tracking/spool.py",
    }
)
CODE = f"{code_folder(Path()).as_posix()}/"
"""What the stage `code` writes; every other stage has one file of it among its deps."""
NOTED = Path(".ceteris/sources.json")
"""The bytes, as sha256 by path, from which the stage `code` has computed; the files need not be parsed again to be known."""


def check_sources(root: Path, node: Declared) -> None:
    """Check, before a stage runs, that its code is still what the stage `code` has seen.

    A study takes hours, and somebody may work on the code meanwhile: what is loaded now must be what the lock will say.

    Raises:
        CeterisError: a file does something else now, or the stage `code` has not run.
    """
    noted = _noted(root)
    for content in _contents(root, node):
        files: dict[str, str] = content["files"]
        if all(noted.get(path) == _sha256(root / path) for path in files):
            continue
        sources, names = Sources(root), frozenset(content["names"])
        for path, digest in files.items():
            if not (root / path).is_file() or sources.digest(path, names) != digest:
                raise CeterisError(f"{path} has changed since the stage code ran: run the pipeline again from there.")


def check_closure(root: Path, node: Declared) -> None:
    """Check, after a stage has run, that it has loaded nothing that the walk over its imports has not found.

    Raises:
        CeterisError: something was loaded that the graph does not know as an input of this stage.
    """
    known = {path for content in _contents(root, node) for path in content["files"]}
    loaded = [path for path in loaded_files(root) if path not in known and not node.covers(path)]
    if not loaded:
        return
    frame = set(Sources(root).reached(Entry(("components.stages.stage",))))
    # Package files hold docstrings and tables of plug-ins only (a test keeps them so); the walk knows the tables.
    if unseen := [path for path in loaded if path not in frame and not path.endswith("__init__.py")]:
        raise CeterisError(
            f"stage {node.address} loaded {', '.join(unseen)}, which the stage code did not see: import it with an "
            "import statement, or name it in components/stages/code.py."
        )


def note_sources(root: Path, paths: Iterable[str]) -> None:
    """Write down from which bytes the stage `code` has computed."""
    write_json(root / NOTED, {file: _sha256(root / file) for file in sorted(paths)})


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


def _contents(root: Path, node: Declared) -> list[dict[str, dict[str, str]]]:
    """The files of `outputs/code` that the stage depends on; none where the code that runs is not this workspace's."""
    if not Path(__file__).is_relative_to(root):
        return []
    paths = [dependency for dependency in node.dependencies if dependency.startswith(CODE)]
    if missing := [path for path in paths if not (root / path).is_file()]:
        raise CeterisError(f"{missing[0]} is missing: run the stage code first.")
    return [json.loads((root / path).read_text(encoding="utf-8")) for path in paths]


def _noted(root: Path) -> dict[str, str]:
    try:
        noted: dict[str, str] = json.loads((root / NOTED).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return noted


def _sha256(path: Path) -> str:
    return digest_of_file(path) if path.is_file() else ""
