"""The source files that a module is made of."""

import hashlib
from pathlib import Path

import pytest

from components.models.architectures import ARCHITECTURES
from components.stages.source_closure import source_digests

ROOT = Path(__file__).parents[2]


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "components" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_direct_indirect_and_lazy_imports_are_followed_and_nothing_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        __init__="",
        a="import os\nfrom components import b\nfrom components.c import thing\n",
        b="def f():\n    import components.d\n",
        c="from components import a\nthing = 1\n",
        d="",
        e="",
    )
    digests = source_digests(tmp_path, "components/a.py")
    assert list(digests) == [f"components/{name}.py" for name in "abcd"]
    assert digests["components/d.py"] == hashlib.sha256(b"").hexdigest()


def test_a_change_far_down_changes_the_digests(tmp_path: Path) -> None:
    write(tmp_path, a="from components.b import x\n", b="x = 1\n")
    before = source_digests(tmp_path, "components/a.py")
    write(tmp_path, b="x = 2\n")
    after = source_digests(tmp_path, "components/a.py")
    assert {file for file in before if before[file] != after[file]} == {"components/b.py"}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_architecture_is_made_of_another(name: str) -> None:
    """Editing one re-runs that one."""
    file = ARCHITECTURES[name].place.split(":")[0].replace(".", "/") + ".py"
    others = {path for path in source_digests(ROOT, file) if "/arms/" in path} - {file}
    assert not others


def test_architectures_that_look_themselves_depend_on_no_front_end() -> None:
    assert "components/models/detector.py" not in source_digests(ROOT, "components/models/architectures/vilt.py")
    assert "components/models/detector.py" in source_digests(ROOT, "components/models/front_ends.py")
