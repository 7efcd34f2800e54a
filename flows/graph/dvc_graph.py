"""DVC's graph, through one adapter: everything that touches DVC's internal interface is here and in lockfile.py."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from components.errors import CeterisError
from components.stages.code import out_of_date
from infra.processes import identity

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage as DvcStage
    from networkx import DiGraph

Slot = Literal["cpu", "gpu"]
CODE_STAGE = "code"


@dataclass(frozen=True)
class Stage:
    """One node of the graph, with the hints that ride in its `meta`."""

    address: str
    upstream: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    description: str = ""
    slot: Slot = "cpu"
    retries: int = 0
    minutes: float = 60.0

    @property
    def name(self) -> str:
        """The stage without the values of its matrix: `finetune` for `finetune@clip-vqa-0`."""
        return self.address.rpartition(":")[2].partition("@")[0]


@dataclass(frozen=True)
class Plan:
    """What is to be walked: stages in DVC's own order, dependencies first, and which of them may have to run."""

    stages: Mapping[str, Stage]
    stale: frozenset[str] = field(default_factory=frozenset)

    @property
    def cached(self) -> list[str]:
        """Stages whose recorded outputs still hold, in order."""
        return [address for address in self.stages if address not in self.stale]

    def downstream(self) -> dict[str, list[str]]:
        """Stages that need each stage's outputs directly."""
        result: dict[str, list[str]] = {address: [] for address in self.stages}
        for stage in self.stages.values():
            for upstream in stage.upstream:
                result[upstream].append(stage.address)
        return result


def plan(root: Path, targets: Sequence[str] | None = None) -> Plan:
    """Read the graph of the workspace at `root` and find out what may have to run.

    Args:
        root: a DVC workspace.
        targets: addresses, or names of whole matrices; these and all they depend on. None is the whole graph.

    Raises:
        CeterisError: dvc.yaml or params.yaml does not make a graph, a target is not in it, or code is not Python.
    """
    from dvc.exceptions import DvcException

    try:
        with locked(root) as repo:
            _forget_the_dead(repo)
            graph, order = _ordered(repo)
            addresses = {stage: _address(stage, repo) for stage in order}
            wanted = _select(graph, addresses, targets)
            stages: dict[str, Stage] = {}
            stale: set[str] = set()
            new_code: set[str] = set()
            for node in order:
                if addresses[node] not in wanted:
                    continue
                stage = _describe(node, graph, addresses)
                stages[stage.address] = stage
                # What the stage `code` will say is known before it runs: nobody else need be walked for a docstring.
                upstream = stale.intersection(stage.upstream) - {CODE_STAGE}
                if upstream or node.changed() or not new_code.isdisjoint(_inputs(node)):
                    stale.add(stage.address)
                    if stage.address == CODE_STAGE:
                        new_code = out_of_date(root)
            return Plan(stages, frozenset(stale))
    except DvcException as error:
        raise CeterisError(f"The graph in {root / 'dvc.yaml'} cannot be read: {_causes(error)}.") from error


def order(repo: "Repo") -> list[str]:
    """Addresses of all stages in the order in which `dvc repro` runs them."""
    return [_address(stage, repo) for stage in _ordered(repo)[1]]


@contextmanager
def locked(root: Path) -> "Iterator[Repo]":
    """The repository under DVC's lock, waiting for it as long as it takes."""
    from dvc.repo import Repo

    repo = Repo(str(root.resolve()), _wait_for_lock=True)
    try:
        with repo.lock:
            yield repo
    finally:
        repo.close()


def _forget_the_dead(repo: "Repo") -> None:
    """Take processes that have gone out of DVC's list of who reads and writes what.

    DVC does so itself, but takes a killed process for alive as long as nobody reaps it, which in a container without
    an init process is for ever.
    """
    from dvc.rwlock import _edit_rwlock

    with _edit_rwlock(repo.tmp_dir, repo.fs, repo.config["core"].get("hardlink_lock", False)) as entries:
        for path, readers in list(entries["read"].items()):
            entries["read"][path] = [reader for reader in readers if identity(reader["pid"]) is not None]
        for path, writer in list(entries["write"].items()):
            if writer and identity(writer["pid"]) is None:
                del entries["write"][path]
        entries["read"] = {path: readers for path, readers in entries["read"].items() if readers}


def _ordered(repo: "Repo") -> "tuple[DiGraph, list[DvcStage]]":
    """The graph (edges point at dependencies) and its nodes in the order of `dvc repro`."""
    from dvc.repo.reproduce import get_active_graph, plan_repro

    graph = get_active_graph(repo.index.graph)
    return graph, plan_repro(graph)


def _address(stage: "DvcStage", repo: "Repo") -> str:
    """The stage's address seen from the root; DVC's own `addressing` is relative to the current directory."""
    file, name = os.path.relpath(stage.path, repo.root_dir), getattr(stage, "name", None)
    if name is None:
        return file
    return name if file == "dvc.yaml" else f"{file}:{name}"


def _select(
    graph: "DiGraph", addresses: "Mapping[DvcStage, str]", targets: Sequence[str] | None
) -> frozenset[str] | set[str]:
    import networkx as nx

    if not targets:
        return frozenset(addresses.values())
    wanted: set[str] = set()
    for target in targets:
        roots = [stage for stage, address in addresses.items() if target in (address, address.partition("@")[0])]
        if not roots:
            names = sorted({address.partition("@")[0] for address in addresses.values()})
            raise CeterisError(f"There is no stage {target!r} in dvc.yaml: it has {', '.join(names)}.")
        for root in roots:
            wanted |= {addresses[node] for node in {root} | nx.descendants(graph, root)}
    return wanted


def _describe(node: "DvcStage", graph: "DiGraph", addresses: "Mapping[DvcStage, str]") -> Stage:
    """Raises CeterisError when the hints in `meta` are not what the walker knows."""
    meta = dict(node.meta or {})
    slot, retries, minutes = meta.pop("slot", "cpu"), meta.pop("retries", 0), meta.pop("minutes", 60)
    address = addresses[node]
    if slot not in ("cpu", "gpu") or not isinstance(retries, int) or retries < 0 or not _positive(minutes):
        raise CeterisError(
            f"Stage {address} in dvc.yaml has meta {dict(node.meta)}: slot is cpu or gpu, retries a whole "
            "number from 0, minutes a number above 0."
        )
    upstream = sorted(addresses[dependency] for dependency in graph.successors(node))
    outs = tuple(sorted(out.def_path for out in node.outs))
    return Stage(address, tuple(upstream), outs, node.desc or "", slot, retries, float(minutes))


def _inputs(node: "DvcStage") -> set[str]:
    return {dependency.def_path for dependency in node.deps}


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _causes(error: BaseException) -> str:
    """The message with those below it, in one line: DVC says what is wrong in the last of them."""

    def chain(top: BaseException | None) -> Iterator[str]:
        while top is not None:
            yield " ".join(str(top).split()).rstrip(".")
            top = top.__cause__

    return ": ".join(dict.fromkeys(filter(None, chain(error))))
