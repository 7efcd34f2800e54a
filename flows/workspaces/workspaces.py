"""Studies and the folders they run in.

The default study runs in the root. Every other study, and every variation of one, runs in a workspace of its own: a
copy of the code as it is now, with its own parameters and outputs, and with the root's DVC cache. So several run at
once and never mix, and what a workspace was made from stays known (`study.json`).
"""

import filecmp
import json
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from components.data.copies import copy_file
from components.errors import CeterisError
from components.files.atomic import atomic_file, write_bytes
from components.files.digests import digest_of_bytes, digest_of_file, digest_of_json
from components.files.json_files import as_json
from components.files.locks import is_locked, locked
from components.study.loading import expansion_text, load_study, parse_study
from components.study.study import Study
from flows.workspaces import revision

PATCH = "uncommitted.patch"
RECORD = "study.json"
# Not copied: what a workspace has of its own.
_OWN = frozenset({"params.yaml", "dvc.lock", RECORD, PATCH, ".dvc/config.local"})
_PLACED = Path(".ceteris") / "placed.json"


def load(root: Path, name: str) -> Study:
    """Read `studies/NAME.yaml`.

    Raises:
        CeterisError: there is no such study, or it is not valid; the message says which there are.
    """
    names = sorted(path.stem for path in (root / "studies").glob("*.yaml"))
    if name not in names:
        raise CeterisError(f"there is no study {name!r} in studies/: choose one of {', '.join(names) or '(none yet)'}.")
    study = load_study(root / "studies" / f"{name}.yaml")
    if study.name != name:
        raise CeterisError(f"studies/{name}.yaml calls itself {study.name!r}: set its name to {name!r}.")
    return study


def override(
    study: Study,
    replicates: int | None = None,
    arms: list[str] | None = None,
    scale: float | None = None,
) -> Study:
    """A variation of a study: so many replicates, only these arms, all training budgets times `scale`.

    Raises:
        CeterisError: the variation is not a valid study.
    """
    content = study.model_dump(mode="json")
    if replicates is not None:
        if replicates < 1:
            raise CeterisError(f"replicates is {replicates}: ask for at least 1.")
        further = (number for number in range(replicates + len(study.replicates)) if number not in study.replicates)
        content["replicates"] = [*study.replicates, *further][:replicates]
    if arms is not None:
        _keep_arms(content, study, arms)
    if scale is not None:
        if scale <= 0:
            raise CeterisError(f"scale is {scale}: give a number above 0; 0.5 trains half as long.")
        content |= {key: budget.scaled(scale).model_dump(mode="json") for key, budget in study.budgets.items()}
    return parse_study(content, f"this variation of the study {study.name}")


def _keep_arms(content: dict[str, Any], study: Study, wanted: list[str]) -> None:
    if unknown := sorted(set(wanted) - set(study.arms)):
        choices = ", ".join(study.arms)
        raise CeterisError(f"the study {study.name} has no arm {unknown[0]!r}: choose from {choices}.")
    if not wanted:
        raise CeterisError(f"no arm is named: choose from {', '.join(study.arms)}.")
    content["arms"] = {name: arm for name, arm in content["arms"].items() if name in wanted}
    # A question about an arm that is not there cannot be asked.
    content["evaluation"]["contrasts"] = [
        contrast.model_dump()
        for contrast in study.evaluation.contrasts
        if all(cell.arm in wanted for cell in contrast.cells)
    ]


def digest(study: Study) -> str:
    """sha256 of everything the study says."""
    return digest_of_json(study.model_dump(mode="json"))


def location(root: Path, study: Study) -> Path:
    """Its workspace: `workspaces/NAME`, or `workspaces/NAME-HASH` where it differs from `studies/NAME.yaml`."""
    named = root / "studies" / f"{study.name}.yaml"
    same = named.is_file() and load_study(named) == study
    return root / "workspaces" / (study.name if same else f"{study.name}-{digest(study)[:8]}")


def create(root: Path, study: Study) -> Path:
    """Make the workspace of a study, or bring it up to date with the root, and return its folder.

    A file that has not changed keeps its inode and its time, so DVC need not read it again. What was copied before and
    is gone from the root disappears; outputs, the lock and the sidecar stay.

    Raises:
        CeterisError: the root is not a git checkout, the study's data is not there, or the workspace is in use.
    """
    root = root.resolve()
    head, patch = revision.commit(root), revision.uncommitted(root)
    folder = location(root, study)
    wanted = [name for name in revision.files(root) if name not in _OWN]
    data = _data_files(root, study, set(wanted))
    if is_locked(folder / ".ceteris" / "run.lock"):
        raise CeterisError(
            f"a run is going on in {folder}: wait for it, or stop it, before its code is brought up to date."
        )
    with locked(folder / ".ceteris" / "workspace.lock"):  # two commands that update one workspace take turns
        before = _read_json(folder / _PLACED, [])
        # Noted before anything is copied: a file placed by an update that was killed is still known as placed.
        _write_if_changed(folder / _PLACED, _json(sorted({*before, *wanted, *data})))
        for name in wanted:
            _place(root / name, folder / name, data=False)
        for name in data:
            _place(root / name, folder / name, data=True)
        for name in sorted(set(before) - {*wanted, *data}):
            _remove(folder, name)
        _write_if_changed(folder / "params.yaml", parameters(study).encode())
        _write_if_changed(folder / ".dvc" / "config.local", _dvc_settings(root, folder))
        if patch:
            _write_if_changed(folder / PATCH, patch)
        else:
            (folder / PATCH).unlink(missing_ok=True)
        _record(folder, study, head, patch)
        _write_if_changed(folder / _PLACED, _json(sorted({*wanted, *data})))
    return folder


def record_lock(folder: Path) -> None:
    """Add the lock of a finished run to the workspace's `study.json`."""
    record = _read_json(folder / RECORD, None)
    if record is not None and (folder / "dvc.lock").is_file():
        record["lock"] = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
        _write_if_changed(folder / RECORD, _json(record))


def data_files(folder: Path, study: Study) -> Iterator[Path]:
    """The files that the study's source reads, below `folder`; a folder that is a link is followed."""
    path = folder / study.data.path
    if path.is_file():
        yield path
    for parent, folders, names in os.walk(path, followlinks=True):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _data_files(root: Path, study: Study, copied: set[str]) -> list[str]:
    if not (root / study.data.path).exists():
        raise CeterisError(
            f"{study.data.path} is not in {root}: put the data of the study {study.name} there, or a link to it."
        )
    names = [path.relative_to(root).as_posix() for path in data_files(root, study)]
    return [name for name in names if name not in copied and not name.startswith(".git/") and "__pycache__" not in name]


def _place(source: Path, target: Path, data: bool) -> None:
    """Make `target` equal to `source`, atomically, and leave it alone where it is. Links to data are followed."""
    if source.is_symlink() and not data:
        if target.is_symlink() and os.readlink(target) == os.readlink(source):
            return
    elif not target.is_symlink() and target.is_file() and _same(source, target, data):
        return
    with atomic_file(target) as beside:
        if data:
            copy_file(source, beside)
        else:
            shutil.copy2(source, beside, follow_symlinks=False)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)


def _same(source: Path, target: Path, data: bool) -> bool:
    """Code is compared byte by byte; data, which may be large, by size and time. A hard link to data is not a copy."""
    ours, theirs = source.stat(), target.stat()
    if data:
        linked = ours.st_nlink > 1 and os.path.samestat(ours, theirs)
        return not linked and (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
    return ours.st_mode == theirs.st_mode and filecmp.cmp(source, target, shallow=False)


def _remove(folder: Path, name: str) -> None:
    path = folder / name
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            return
        parent.rmdir()


def parameters(study: Study) -> str:
    """The text of `params.yaml`: everything that a study says, and the graph that is computed from it."""
    return expansion_text(
        study,
        f"The study {study.name}, complete. Made of studies/{study.name}.yaml and its defaults: change these, not this file, and\n"
        f"write it anew with `ceteris study default {study.name}`.",
    )


def _dvc_settings(root: Path, folder: Path) -> bytes:
    """No git, and the root's cache; the root's private settings (remotes, credentials) count here too."""
    from dvc.config import Config  # takes a while to import

    settings = Config(str(root / ".dvc"))
    cache = Path(settings.get("cache", {}).get("dir") or root / ".dvc" / "cache")
    core: dict[str, object] = {"no_scm": "true"}
    remotes: dict[str, dict[str, object]] = {}
    for level in ("repo", "local"):  # read with their paths resolved: relative ones would mean another place here
        part = settings.read(level)
        core |= {key: value for key, value in part["core"].items() if key == "remote"}
        for name, remote in part["remote"].items():
            remotes[name] = remotes.get(name, {}) | remote
    sections: dict[str, dict[str, object]] = {
        "[core]": core,
        "[cache]": {"dir": os.path.relpath(cache, folder / ".dvc")},
    }
    sections |= {f"['remote \"{name}\"']": remote for name, remote in sorted(remotes.items())}
    lines = [line for head, keys in sections.items() for line in (head, *(f"    {k} = {v}" for k, v in keys.items()))]
    return ("\n".join(lines) + "\n").encode()


def _record(folder: Path, study: Study, head: str, patch: bytes) -> None:
    constraints = folder / "constraints.txt"
    record = {
        "name": study.name,
        "study": study.model_dump(mode="json"),
        "study_digest": digest(study),
        "commit": head,
        "uncommitted": digest_of_bytes(patch) if patch else None,
        "constraints": digest_of_file(constraints) if constraints.is_file() else None,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    before = _read_json(folder / RECORD, {})
    unchanged = all(before.get(key) == value for key, value in record.items())
    _write_if_changed(folder / RECORD, _json({**record, "lock": before.get("lock") if unchanged else None}))


def _json(content: object) -> bytes:
    return as_json(content, indent=2, sort_keys=False).encode()


def _read_json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else otherwise


def _write_if_changed(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    write_bytes(path, content)
