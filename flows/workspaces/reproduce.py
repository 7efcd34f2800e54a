"""Reproduction: run a finished study again from what its workspace recorded, elsewhere and without its cache.

The workspace's `study.json` names the commit, the digest of what was not committed (kept beside it as a patch) and the
lock. From these the study is rebuilt in a fresh clone, every stage is executed, and the two locks are compared.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from components.data.copies import copy_file
from components.errors import CeterisError
from components.files.digests import digest_of_bytes, digest_of_file
from components.files.json_files import write_json
from components.files.locks import only_one
from components.study.loading import load_study, parse_study
from components.study.study import Study
from flows.tracking import study_evidence
from flows.workspaces import revision, workspaces
from infra.environment import environment

OUTCOME = "reproduction.json"


@dataclass(frozen=True)
class Difference:
    """A digest that is not the same in both locks; None where one lock does not have it."""

    stage: str
    side: str  # 'deps' or 'outs'
    path: str
    original: str | None
    again: str | None

    def __str__(self) -> str:
        kind = "output" if self.side == "outs" else "input"
        digests = f"{self.original or 'nothing'} before, {self.again or 'nothing'} now"
        return f"{self.stage}: {kind} {self.path} differs ({digests})"


def reproduce(folder: Path, root: Path) -> None:
    """Run a finished workspace's study again in `root/workspaces/NAME-reproduction` and compare every output.

    A reproduction that was interrupted continues; one that came to its end begins anew.

    Args:
        folder: the workspace; it may come from another machine.
        root: a clone of the repository that has the workspace's commit.

    Raises:
        CeterisError: the workspace cannot be rebuilt, a stage failed, or an output differs.
    """
    folder, root = folder.resolve(), root.resolve()
    record = _read_record(folder)
    study = parse_study(record["study"], f"{folder / workspaces.RECORD} (study)")
    if load_study(folder / "params.yaml") != study:
        raise CeterisError(
            f"{folder / 'params.yaml'} is not the study that was run: it was changed after the study was made."
        )
    target = root / "workspaces" / f"{folder.name}-reproduction"
    busy = f"Process {{pid}} already reproduces {folder}: wait for it, or stop it."
    with only_one(root / ".ceteris" / f"{target.name}.lock", busy):
        _rebuild(folder, root, target, record, study)
        for sentence in _environment_differences(target):
            print(sentence)
        print(f"running {study.name} again in {target}, without the cache of the original", flush=True)
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--no-run-cache"]
        if code := subprocess.run(command, cwd=target, env=environment(target)).returncode:
            raise CeterisError(
                f"the reproduction in {target} stopped (exit {code}): see above, then repeat the command."
            )
        _judge(folder, target, record["lock"].get("stages", {}))


def _judge(folder: Path, target: Path, original: dict[str, dict[str, Any]]) -> None:
    """Compare the locks, note the outcome, and say it."""
    differences = compare(original, study_evidence.read_lock(target))
    outs = sum(len(study_evidence.digests(entry, "outs")) for entry in original.values())
    outcome = {"outs": outs, "differences": [str(difference) for difference in differences]}
    write_json(target / OUTCOME, outcome, indent=2, sort_keys=False)
    for difference in differences:
        print(difference)
    different = sum(difference.side == "outs" for difference in differences)
    if differences:
        raise CeterisError(
            f"{different} of {outs} outputs of {folder} were not reproduced: compare them with those in {target}."
        )
    print(f"reproduced: all {outs} outputs have the digests they had")


def compare(original: dict[str, dict[str, Any]], again: dict[str, dict[str, Any]]) -> list[Difference]:
    """What differs between the stages of two locks, in the order of the original."""
    differences = []
    for stage in [*original, *(stage for stage in again if stage not in original)]:
        for side in ("deps", "outs"):
            before = study_evidence.digests(original.get(stage, {}), side)
            now = study_evidence.digests(again.get(stage, {}), side)
            for path in [*before, *(path for path in now if path not in before)]:
                if before.get(path) != now.get(path):
                    differences.append(Difference(stage, side, path, before.get(path), now.get(path)))
    return differences


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / workspaces.RECORD
    if not path.is_file():
        raise CeterisError(
            f"{folder} has no {workspaces.RECORD}: name the folder of a workspace, such as workspaces/smoke."
        )
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lock = folder / "dvc.lock"
    if not record.get("lock") and lock.is_file():  # finished by a bare `dvc repro`
        record["lock"] = yaml.safe_load(lock.read_text(encoding="utf-8"))
    done = set((record.get("lock") or {}).get("stages", {}))
    missing = [address for address in _addresses(folder) if address not in done]
    if missing:
        raise CeterisError(
            f"{folder} is not finished, {len(missing)} of its stages have no result ({missing[0]} for one): finish it first."
        )
    patch = folder / workspaces.PATCH
    if record["uncommitted"] and not patch.is_file():
        raise CeterisError(f"{folder} was made from uncommitted changes, and {patch.name} is not there to apply them.")
    if record["uncommitted"] and digest_of_file(patch) != record["uncommitted"]:
        raise CeterisError(
            f"{patch} is not the difference that {path.name} names: it was changed after the study was made."
        )
    return record


def _addresses(folder: Path) -> list[str]:
    """The stages of the graph in a folder."""
    from dvc.repo import Repo  # takes a while to import

    with Repo(str(folder)) as repo:
        return [stage.name for stage in repo.index.stages if getattr(stage, "name", None)]


def _rebuild(folder: Path, root: Path, target: Path, record: dict[str, Any], study: Study) -> None:
    """A clone of the commit with the uncommitted difference, the study's parameters and its data."""
    if (target / workspaces.RECORD).is_file() and not (target / OUTCOME).is_file():
        begun = json.loads((target / workspaces.RECORD).read_text(encoding="utf-8"))
        if begun == record:
            return
    shutil.rmtree(target, ignore_errors=True)
    commit = record["commit"]
    revision.commit(root)  # says so where git refuses the clone as a whole
    if not revision.git(root, "cat-file", "-t", commit, check=False).strip() == b"commit":
        raise CeterisError(f"commit {commit} is not in {root}: fetch the branch that {folder} was made from.")
    revision.git(root, "clone", "--quiet", "--no-checkout", str(root), str(target))
    revision.git(target, "checkout", "--quiet", "--detach", commit)
    if record["uncommitted"]:
        revision.git(target, "apply", "--whitespace=nowarn", str(folder / workspaces.PATCH))
        found = digest_of_bytes(revision.uncommitted(target))
        if found != record["uncommitted"]:
            raise CeterisError(f"{folder / workspaces.PATCH} does not give the code of the study when it is applied.")
    (target / "dvc.lock").unlink(missing_ok=True)
    shutil.copy2(folder / "params.yaml", target / "params.yaml")
    _give_data(folder, root, target, study)
    # A cache of its own: what is compared was computed here.
    (target / ".dvc" / "config.local").write_text("[cache]\n    dir = cache\n", encoding="utf-8")
    write_json(target / workspaces.RECORD, record, indent=2, sort_keys=False)


def _give_data(folder: Path, root: Path, target: Path, study: Study) -> None:
    if (target / study.data.path).exists():
        return
    source = next((place for place in (folder, root) if (place / study.data.path).exists()), None)
    if source is None:
        raise CeterisError(f"{study.data.path} is neither in {folder} nor in {root}: put the data of the study there.")
    for path in workspaces.data_files(source, study):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy_file(path, copy)


def _environment_differences(target: Path) -> list[str]:
    """A sentence where packages are installed in other versions than the study's constraints say."""
    constraints = target / "constraints.txt"
    lines = constraints.read_text(encoding="utf-8").splitlines() if constraints.is_file() else []
    others = []
    for name, _, version in (line.split("#")[0].partition("==") for line in lines):
        try:
            if version.strip() and metadata.version(name.strip()) != version.strip():
                others.append(f"{name.strip()} {metadata.version(name.strip())} instead of {version.strip()}")
        except metadata.PackageNotFoundError:
            continue
    return [f"other versions are installed than the study was made with: {', '.join(others)}"] if others else []
