"""Stage: what code every other stage reaches, so that a stage runs again exactly when what it reaches does something else.

Every other stage depends on one small file below `outputs/code`, named after the stage's module, arm and task:

    {"names": [...],               rows of tables of plug-ins (architectures, objectives, tasks, sources) that it uses
     "skipped": [...],             modules that it does not load, whatever functions of its code may import
     "files": {PATH: DIGEST}}      the digest of each file's normal form

DVC compares these files. A docstring edit changes none of them, and a new file beside the others is in none of them.
The imports are read from the source, so this stage needs no torch. Its frame (`FRAME`) is nobody's input.
"""

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path

from components.code.classes import dotted
from components.code.plug_ins import modules_named
from components.code.reached import Entry, Sources
from components.errors import CeterisError
from components.files.atomic import atomic_folder, write_text
from components.models import architectures
from components.stages.closure import CODE, FRAME, note_sources
from components.stages.stage import Stage, main
from components.study.arms import ArmSettings
from components.study.loading import load_study
from components.study.plan import tuned_on
from components.study.study import Study

FRONT_ENDS = frozenset({"components.models.front_ends", "components.training.region_cache"})
"""Loaded for arms with a visual front end of ours."""
CLASSES = frozenset({"place"})
"""What training follows of a row: the class of the architecture, objective or task."""
DRAWERS = frozenset({"module", "own_scenes"})
"""What making samples follows: the source, and what draws a task's own scenes."""
STEP_SEARCH = frozenset({"components.training.step_trials"})
"""Loaded where the learning rate of an intermediate step is searched."""
SEARCH = STEP_SEARCH | {"components.training.halving", "components.training.trials", "components.training.run"}
"""Loaded where a learning rate is searched."""


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write outputs/code.

    Raises:
        CeterisError: an arm is of an architecture that does not exist.
    """
    for arm, settings in study.arms.items():
        if settings.architecture not in architectures.ARCHITECTURES:
            known = ", ".join(sorted(architectures.ARCHITECTURES))
            raise CeterisError(f"arms.{arm}: there is no architecture {settings.architecture!r}; known are {known}.")
    sources = Sources(stage.root)
    with atomic_folder(stage.out()) as folder:
        for name, text in code_files(study, sources).items():
            write_text(folder / name, text)
    note_sources(stage.root, sources.paths)
    stage.progress(100, "the code of every stage is known")


def code_files(study: Study, sources: Sources) -> dict[str, str]:
    """The text of every file of `outputs/code`, by its path below it."""
    written = {}
    for name, entry in entries(study, sources):
        files = sources.digests(entry, FRAME)
        content = {"names": sorted(entry.names), "skipped": sorted(entry.skipped), "files": files}
        written[f"{name}.json"] = json.dumps(content, indent=1) + "\n"
    return written


def out_of_date(root: Path) -> set[str]:
    """The files of `outputs/code`, as paths from the root, that the stage would write otherwise than they are now."""
    found = set()
    for name, text in code_files(load_study(root / "params.yaml"), Sources(root)).items():
        path = root / CODE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found.add(f"{CODE}{name}")
    return found


def entries(study: Study, sources: Sources) -> Iterator[tuple[str, Entry]]:
    """Where the walk over the imports of each stage begins, by the name of its file."""
    kinds = {name: task.kind for name, task in study.tasks.items()}
    every = frozenset(kinds.values())
    made_of = {arm: frozenset({settings.architecture}) for arm, settings in study.arms.items()}
    skipped = {arm: _skipped(settings) for arm, settings in study.arms.items()}
    for name in ("materialise", "redraw"):
        yield name, _entry(name, every | {study.data.source}, fields=DRAWERS)
    # These read rows of tasks (metrics, floors, needs), and load none of the modules that the rows name.
    for name in ("validate", "tokenize", "floors", "evaluate", "package"):
        yield name, _entry(name, every | {study.data.source}, followed=frozenset())
    for name in ("pretrain_text", "pretrain_image", "initial_weights"):
        yield name, _entry(name)
    for arm in study.arms:
        if (task := tuned_on(study, arm)) is None:
            yield f"tune/{arm}", _entry("tune", skipped=SEARCH)
        else:
            tried = made_of[arm] | {kinds[task]}
            if study.arms[arm].pretrained:
                yield f"tune/{arm}", _entry("tune", tried | losses(sources, study.arms[arm]), skipped=skipped[arm])
            else:
                yield f"tune/{arm}", _entry("tune", tried, skipped=skipped[arm] | STEP_SEARCH)
        for task in study.tasks:
            yield f"finetune/{arm}/{task}", _entry("finetune", made_of[arm] | {kinds[task]}, skipped=skipped[arm])
    for arm in study.pretrained:
        names = made_of[arm] | losses(sources, study.arms[arm])
        yield f"pretrain/{arm}", _entry("pretrain", names, skipped=skipped[arm])
    loaded = frozenset().union(*made_of.values())
    read = loaded.union(every, *(losses(sources, study.arms[arm]) for arm in study.pretrained))
    yield "compare", _entry("compare", read, followed=loaded)


def losses(sources: Sources, arm: ArmSettings) -> frozenset[str]:
    """The objectives of an arm's intermediate step: the names in `losses=(("mlm", 1.0), ...)` in its architecture's file.

    Of a controlled arm only the row of `PASSES` counts that its axis names.
    """
    table = sources.file(architectures.__name__)
    modules = modules_named(sources.tree(table), frozenset({arm.architecture}), CLASSES) if table else []
    file = sources.file(modules[0]) if modules else None
    if file is None:
        return frozenset()
    part: ast.AST = sources.tree(file)
    if arm.axes is not None:
        part = _row(part, "PASSES", arm.axes.objectives)
    given = [node.value for node in ast.walk(part) if isinstance(node, ast.keyword) and node.arg == "losses"]
    pairs = [pair for value in given for pair in ast.walk(value) if isinstance(pair, ast.Tuple) and len(pair.elts) == 2]
    first = [pair.elts[0] for pair in pairs]
    return frozenset(str(name.value) for name in first if isinstance(name, ast.Constant))


def _row(tree: ast.AST, table: str, key: str) -> ast.AST:
    """The row of a dictionary; the whole tree where there is no such dictionary, so that nothing is missed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and dotted(node.target) == table and isinstance(node.value, ast.Dict):
            for name, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    return value
    return tree


def _skipped(arm: ArmSettings) -> frozenset[str]:
    return FRONT_ENDS if arm.front in ("pixels", "precomputed") else frozenset()


def _entry(
    stage: str,
    names: frozenset[str] = frozenset(),
    *,
    followed: frozenset[str] | None = None,
    fields: frozenset[str] = CLASSES,
    skipped: frozenset[str] = frozenset(),
) -> Entry:
    return Entry((f"components.stages.{stage}",), names, followed, fields, skipped)


if __name__ == "__main__":
    main("code", run)
