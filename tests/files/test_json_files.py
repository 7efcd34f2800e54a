"""JSON files: equal content is equal bytes, and what cannot be read is one sentence."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import CeterisError
from components.files.json_files import as_json, read_json, write_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(content=JSON, indent=st.sampled_from([None, 1, 2]), ensure_ascii=st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: object, indent: int | None, ensure_ascii: bool
) -> None:
    path = tmp_path_factory.mktemp("json") / "deep" / "file.json"
    text = as_json(content, indent, ensure_ascii=ensure_ascii)
    if not text.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return  # half a character, which no file of UTF-8 can hold
    write_json(path, content, indent, ensure_ascii=ensure_ascii)
    assert path.read_bytes() == text.encode()
    assert read_json(path, "write it") == content


def test_the_forms() -> None:
    content = {"b": [1, "ü"], "a": 0.5}
    assert as_json(content) == '{\n "a": 0.5,\n "b": [\n  1,\n  "\\u00fc"\n ]\n}\n'
    assert as_json(content, indent=2, ensure_ascii=False) == '{\n  "a": 0.5,\n  "b": [\n    1,\n    "ü"\n  ]\n}\n'
    assert list(json.loads(as_json(content, sort_keys=False))) == ["b", "a"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "FILE is missing: run the compare stage first."),
        (b"", "FILE is no JSON file (Expecting value: line 1 column 1 (char 0)): run the compare stage first."),
        (b'{"a": 1', "FILE is no JSON file (Expecting ',' delimiter: line 1 column 8 (char 7)): run the compare stage first."),
        (b"\xff", None),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str | None) -> None:
    path = tmp_path / "leaderboard.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CeterisError) as error:
        read_json(path, "run the compare stage first")
    if sentence is not None:
        assert str(error.value) == sentence.replace("FILE", str(path))
    assert "\n" not in str(error.value)
