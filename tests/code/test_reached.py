"""The walk over imports: which files a stage reaches."""

import ast
from pathlib import Path

import pytest

from components.code.reached import Entry, Sources
from components.errors import CeterisError
from components.models.architectures import ARCHITECTURES

ROOT = Path(__file__).parents[2]


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "components" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def entry(module: str, *names: str, skipped: str | None = None) -> Entry:
    without = frozenset({f"components.{skipped}"} if skipped else ())
    return Entry((f"components.{module}",), frozenset(names), skipped=without)


def stems(files: list[str]) -> list[str]:
    return [Path(file).stem for file in files]


def test_direct_indirect_and_lazy_imports_are_followed_and_nothing_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        __init__="",
        a="import os\nfrom components import b\nfrom components.c import thing\n",
        b="def f():\n    import components.d\n",
        c="from typing import TYPE_CHECKING\nfrom components import a\nif TYPE_CHECKING:\n    import components.e\nthing = 1\n",
        d="",
        e="",
    )
    assert stems(Sources(tmp_path).reached(entry("a"))) == ["a", "b", "c", "d"]
    assert stems(Sources(tmp_path).reached(entry("a", skipped="d"))) == ["a", "b", "c"]
    assert stems(Sources(tmp_path).reached(entry("a", skipped="b"))) == ["a", "b", "c", "d"]  # not inside a function
    assert stems(Sources(tmp_path).reached(entry("a"), ["components/b.py"])) == ["a", "c"]


def test_of_a_table_only_named_rows_are_followed(tmp_path: Path) -> None:
    write(
        tmp_path,
        a="from components import tasks\n",
        **{"tasks/__init__": 'TASKS = {"x": "components.tasks.x:X", "y": "components.tasks.y:Y"}\n'},
        **{"tasks/x": "", "tasks/y": "import components.z\n", "z": ""},
    )
    assert stems(Sources(tmp_path).reached(entry("a"))) == ["a", "__init__"]
    assert stems(Sources(tmp_path).reached(entry("a", "y"))) == ["a", "__init__", "y", "z"]
    before = Sources(tmp_path).digests(entry("a", "y"))
    text = '"x": "components.tasks.x:X", "new": "components.tasks.new:New", "y": "components.tasks.y:Y"'
    write(tmp_path, **{"tasks/__init__": f"TASKS = {{{text}}}\n", "tasks/new": "wrong = 1\n"})
    assert Sources(tmp_path).digests(entry("a", "y")) == before


def test_a_change_far_down_changes_one_digest(tmp_path: Path) -> None:
    write(tmp_path, a="from components.b import x\n", b="from components.c import x\n", c="x = 1\n")
    before = Sources(tmp_path).digests(entry("a"))
    write(tmp_path, c="# Two.\nx = 2\n")
    after = Sources(tmp_path).digests(entry("a"))
    assert {file for file in before if before[file] != after[file]} == {"components/c.py"}


def test_a_base_class_in_another_file_tells_whether_annotations_count(tmp_path: Path) -> None:
    write(
        tmp_path,
        plain="class Base:\n    pass\n",
        model="from pydantic import BaseModel\nclass Base(BaseModel):\n    pass\n",
    )
    for base, same in (("plain", True), ("model", False)):
        write(tmp_path, a=f"from components.{base} import Base\nclass A(Base):\n    x: int = 1\n")
        first = Sources(tmp_path).digest("components/a.py")
        write(tmp_path, a=f"from components.{base} import Base\nclass A(Base):\n    x: float = 1\n")
        assert (Sources(tmp_path).digest("components/a.py") == first) is same


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, a="import components.b\n", b="def (:\n")
    with pytest.raises(CeterisError, match=r"components/b\.py, line 1, is not Python"):
        Sources(tmp_path).reached(entry("a"))
    with pytest.raises(CeterisError, match=r"no module components\.none"):
        Sources(tmp_path).reached(entry("none"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_architecture_is_made_of_another(name: str) -> None:
    """Editing one re-runs that one."""
    module = ARCHITECTURES[name].place.partition(":")[0]
    reached = Sources(ROOT).reached(Entry((module,)))
    own = module.replace(".", "/") + ".py"
    assert [path for path in reached if "/architectures/" in path] == [own]


def test_aliases_of_the_study_serve_hints_alone() -> None:
    """Those that the normal form leaves out: what other modules do may not depend on them."""
    sources = Sources(ROOT)
    dropped = set()
    for file in (ROOT / "components/study").glob("*.py"):
        path = file.relative_to(ROOT).as_posix()
        module = path.removesuffix(".py").replace("/", ".")
        kept = ast.parse(sources.normal_form(path))
        dropped |= {(module, name) for name in assigned(sources.tree(path)) - assigned(kept)}
    assert ("components.study.tasks", "Kind") in dropped
    for file in (ROOT / "components").rglob("*.py"):
        path = file.relative_to(ROOT).as_posix()
        imports = [node for node in ast.walk(sources.tree(path)) if isinstance(node, ast.ImportFrom)]
        asked = {alias.name for node in imports for alias in node.names if (node.module, alias.name) in dropped}
        if asked:
            kept = ast.parse(sources.normal_form(path))
            for node in ast.walk(kept):
                if isinstance(node, ast.AnnAssign):
                    node.annotation = ast.Constant(None)
            read = {node.id for node in ast.walk(kept) if isinstance(node, ast.Name)}
            assert not asked & read, path


def assigned(tree: ast.Module) -> set[str]:
    statements = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {name.id for node in statements for name in node.targets if isinstance(name, ast.Name)}
