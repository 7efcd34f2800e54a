"""Whatever happens while a file is written, its place holds what was there before or what was to be there afterwards."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.files import atomic, json_files
from components.files.atomic import atomic_file, atomic_folder, is_leftover, write_bytes, write_text

ROOT = Path(__file__).parents[2]
KILLED = 9
OLD, NEW = b"old" * 1000, b"new" * 5000


def killed_at(line: int, write: Callable[[], object]) -> bool:
    """Write in a process that ends, without any clean-up, before the given line of our own code; False if it came to its end."""
    child = os.fork()
    if child == 0:
        ours = {atomic.__file__, json_files.__file__, __file__}
        left = line

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in ours:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    os._exit(KILLED)
            return trace

        sys.settrace(trace)
        try:
            write()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED)
    return code == KILLED


def everything(folder: Path) -> dict[str, bytes]:
    """What a reader takes for content."""
    files = (path for path in folder.rglob("*") if path.is_file())
    parts = ((path, path.relative_to(folder)) for path in files)
    return {
        str(name): path.read_bytes()
        for path, name in parts
        if not any(is_leftover(parent) for parent in (name, *name.parents))
    }


def in_pieces(path: Path) -> None:
    """As a library writes that is given a path."""
    with atomic_file(path, durable=True) as beside, beside.open("wb") as file:
        for begin in range(0, len(NEW), 4000):
            file.write(NEW[begin : begin + 4000])
            file.flush()


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, NEW), in_pieces])
def test_a_kill_at_any_line_leaves_the_old_file_or_the_new_one(tmp_path: Path, write: Callable[[Path], object]) -> None:
    seen = set()
    for line in range(1000):
        path = tmp_path / str(line) / "record.json"
        path.parent.mkdir()
        path.write_bytes(OLD)
        if not killed_at(line, lambda path=path: write(path)):  # type: ignore[misc]
            break
        assert everything(path.parent) in ({"record.json": OLD}, {"record.json": NEW})
        seen.add((path.read_bytes(), len(list(path.parent.iterdir()))))
        write_bytes(path, NEW)
        assert path.read_bytes() == NEW
    assert {(OLD, 1), (OLD, 2)} <= seen  # also with something half-written beside it
    assert everything(path.parent) == {"record.json": NEW}


@pytest.mark.parametrize("former", [None, {"a": OLD, "z": OLD}])
def test_a_kill_at_any_line_leaves_no_folder_that_is_half_filled(
    tmp_path: Path, former: dict[str, bytes] | None
) -> None:
    wanted = {"a": NEW, "b": NEW, "c": NEW}

    def fill(folder: Path, content: dict[str, bytes]) -> None:
        with atomic_folder(folder) as beside:
            for name, one in content.items():
                (beside / name).write_bytes(one)

    seen = []
    for line in range(1000):
        folder = tmp_path / str(line) / "out"
        if former:
            fill(folder, former)
        if not killed_at(line, lambda folder=folder: fill(folder, wanted)):  # type: ignore[misc]
            break
        found = everything(folder) if folder.exists() else None
        assert found in (former, wanted, None)
        seen.append(found)
        with pytest.raises(InterruptedError), atomic_folder(folder):  # the next writer, who fails
            raise InterruptedError
        assert (everything(folder) if folder.exists() else None) == (wanted if found == wanted else former)
        fill(folder, wanted)
        assert {path.name for path in folder.parent.iterdir()} == {"out"}
        assert everything(folder) == wanted
    assert former in seen
    assert wanted in seen
    assert everything(folder) == wanted


def interrupted(place: AbstractContextManager[Path], write: Callable[[Path], object]) -> None:
    with place as beside:
        write(beside)
        raise KeyboardInterrupt


def test_an_error_in_the_middle_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    write_bytes(file, OLD)
    with atomic_folder(folder) as beside:
        write_bytes(beside / "a", OLD)
    before = everything(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        interrupted(atomic_file(file), lambda beside: beside.write_bytes(NEW[:7]))
    with pytest.raises(KeyboardInterrupt):
        interrupted(atomic_folder(folder), lambda beside: write_bytes(beside / "b", NEW))
    with pytest.raises(TypeError):
        json_files.write_json(file, {"a": object()})
    assert everything(tmp_path) == before
    assert {path.name for path in tmp_path.rglob("*")} == {"file", "folder", "a"}


def test_many_writers_at_once_leave_one_of_their_files(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    contents = [bytes([number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=write_bytes, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert not path.exists() or path.read_bytes() in contents
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_text_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("text") / "file"
    write_text(path, text)
    assert path.read_text(encoding="utf-8") == text


def test_long_names_and_modes(tmp_path: Path) -> None:
    """A name may be as long as the file system allows, and a file is as readable as any other."""
    path = tmp_path / ("ü" * 127)
    write_text(path, "text")
    (tmp_path / "plain").write_text("text")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_was_not_finished_enters_no_hash_and_no_commit() -> None:
    leftovers = ["outputs/finetune/vilt/vqa/.0.part", "studies/.mine.yaml.0123456789ab.part"]
    content = "outputs/finetune/vilt/vqa/0"
    assert [is_leftover(Path(name)) for name in (*leftovers, content)] == [True, True, False]
    for command in (["git", "check-ignore"], [sys.executable, "-m", "dvc", "check-ignore"]):
        done = subprocess.run([*command, leftovers[1], *leftovers[:1]], cwd=ROOT, capture_output=True, text=True)
        assert sorted(done.stdout.split()) == sorted(leftovers), command
    done = subprocess.run([sys.executable, "-m", "dvc", "check-ignore", content], cwd=ROOT, capture_output=True)
    assert not done.stdout
