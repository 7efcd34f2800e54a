"""An edit of code, seen by DVC and by the walker's plan: real code, real DVC, and one stage that stands for all others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.errors import CeterisError
from flows.graph.dvc_graph import plan
from tests.flows import toy

GRAPH = """
stages:
  code:
    cmd: python -m components.stages.code
    deps: [components]
    params: [arms, tasks, data.source, tuning]
    outs: [outputs/code]
  floors:
    cmd: cp outputs/code/floors.json floors.json
    deps: [outputs/code/floors.json]
    outs: [floors.json]
"""
FLOORS = "components/evaluation/scoring/floors.py"
LOOP = "components/training/module.py"


def appended(text: str) -> Callable[[str], str]:
    return lambda before: before + text


def test_only_what_does_something_else_is_walked_again(tmp_path: Path) -> None:
    shutil.copytree(toy.ROOT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", ".dvcignore"):
        shutil.copy(toy.ROOT / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    assert plan(tmp_path).stale == {"code", "floors"}
    toy.dvc(tmp_path, "repro")
    assert plan(tmp_path).stale == set()
    edits: list[tuple[str, Callable[[str], str], set[str]]] = [
        (FLOORS, lambda text: text.replace('"""', '"""In other words: ', 1), {"code"}),
        (FLOORS, appended("\n\n# The end.\n"), {"code"}),
        (LOOP, appended("\nMORE = 1\n"), {"code"}),
        (FLOORS, appended("\nMORE = 1\n"), {"code", "floors"}),
    ]
    for file, edit, stale in edits:
        path = tmp_path / file
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
        assert plan(tmp_path).stale == stale, file
    # DVC agrees: without the last edit only the stage `code` runs, with it both do.
    path = tmp_path / FLOORS
    text = path.read_text(encoding="utf-8")
    path.write_text(text.removesuffix("\nMORE = 1\n"), encoding="utf-8")
    said = toy.dvc(tmp_path, "repro")
    assert "Running stage 'code'" in said
    assert "Running stage 'floors'" not in said
    path.write_text(text, encoding="utf-8")
    assert "Running stage 'floors'" in toy.dvc(tmp_path, "repro")
    assert plan(tmp_path).stale == set()
    path.write_text("def (:\n", encoding="utf-8")
    with pytest.raises(CeterisError, match="line 1, is not Python"):
        plan(tmp_path)
