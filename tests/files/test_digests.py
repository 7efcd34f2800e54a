"""Digests are sha256, as every other tool computes it."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.files.digests import digest_of_bytes, digest_of_file, digest_of_folder, digest_of_json


@given(content=st.binary(max_size=300))
def test_of_bytes_and_of_a_file_are_equal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("digests") / "file"
    path.write_bytes(content)
    assert digest_of_file(path) == digest_of_bytes(content) == hashlib.sha256(content).hexdigest()


def test_as_the_usual_tool_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"ceteris" * 300_000)
    said = subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout
    assert digest_of_file(path) == said.split()[0]


@given(content=st.dictionaries(st.text(), st.integers() | st.text() | st.booleans(), min_size=2))
def test_the_order_of_keys_has_no_say(content: dict[str, object]) -> None:
    turned = dict(reversed(content.items()))
    assert digest_of_json(content) == digest_of_json(turned)
    assert digest_of_json(content) == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert digest_of_json(content | {"one more": 1}) != digest_of_json(content | {"one more": 2})


def test_what_json_has_no_form_for(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        digest_of_json({"path": tmp_path})
    assert digest_of_json({"path": tmp_path}, default=str) == digest_of_json({"path": str(tmp_path)})


def test_of_a_folder_depends_on_names_and_bytes_alone(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> str:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        return digest_of_folder(tmp_path / name)

    first = folder("first", **{"a": "1", "deep/b": "2"})
    assert folder("second", **{"deep/b": "2", "a": "1"}) == first
    others = [
        folder("names", **{"a": "1", "deep/c": "2"}),
        folder("bytes", **{"a": "1", "deep/b": "3"}),
        folder("more", **{"a": "1", "deep/b": "2", "c": ""}),
        folder("flat", a="1", deep="2"),
    ]
    assert len({first, *others}) == 5
