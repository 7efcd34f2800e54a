"""Sentences about places call them what they are in their file."""

import pytest

from components.data.findings import finding


@pytest.mark.parametrize(
    ("file", "noun"),
    [
        *[(f"photos/m{suffix}", "line") for suffix in (".csv", ".TSV", ".tab", ".psv", ".txt", ".jsonl", ".ndjson")],
        ("m.parquet", "row"),
        ("m.json", "row"),
        ("M.JSON", "row"),
        ("photos", "picture"),
        ("photos.v2", "picture"),
    ],
)
def test_places_are_lines_rows_or_pictures(file: str, noun: str) -> None:
    assert finding("critical", "x", file, [3], "is odd", "mend it").sentence == f"{file} {noun} 3: is odd: mend it."
    assert f"{noun}s 3, 4, 5 and 1 more: " in finding("critical", "x", file, [3, 4, 5, 6], "is odd", "mend it").sentence
