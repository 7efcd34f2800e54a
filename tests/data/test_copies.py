"""Copies share nothing with what they were made from, whether the file system clones or not."""

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data import copies
from components.data.copies import copy_file
from components.errors import CeterisError


@given(content=st.binary(max_size=200), moment=st.integers(0, 2**60), mode=st.sampled_from([0o600, 0o640, 0o444]))
def test_a_copy_has_content_times_and_mode_and_an_inode_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, moment: int, mode: int
) -> None:
    folder = tmp_path_factory.mktemp("copies")
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    source.chmod(mode)
    os.utime(source, ns=(moment, moment))
    target.write_bytes(b"longer than what comes" * 10)
    copy_file(source, target)
    assert target.read_bytes() == content
    assert not target.samefile(source)
    assert (target.stat().st_mtime_ns, stat.S_IMODE(target.stat().st_mode)) == (source.stat().st_mtime_ns, mode)


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    copy_file(tmp_path / "link", tmp_path / "copy")
    assert not (tmp_path / "copy").is_symlink()
    assert (tmp_path / "copy").read_bytes() == b"content"


@pytest.mark.parametrize("clones", [True, False], ids=["told by the clone", "told by the copy"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clones: bool
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if clones:
        monkeypatch.setattr(copies.fcntl, "ioctl", full)
        monkeypatch.setattr(copies.sys, "platform", "linux")
    else:
        monkeypatch.setattr(copies, "_clone", lambda *_: False)
        monkeypatch.setattr(copies.shutil, "copyfileobj", full)
    (tmp_path / "source").write_bytes(b"large")
    with pytest.raises(CeterisError, match=r"there is no room to copy .*source to .*: make room and try again"):
        copy_file(tmp_path / "source", tmp_path / "target")
    assert not (tmp_path / "target").exists()
