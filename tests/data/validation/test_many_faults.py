"""However many rows are at fault, a kind of fault is one sentence with a count and three examples."""

import csv
from pathlib import Path

import pytest

from components.data.sources.entries import Manifest
from components.data.sources.faults import Faults
from components.data.validation.check import DEFAULT_SETTINGS

ROWS = 5000
WAYS = {
    "gone": ("img/{}.png", "names a picture that does not exist ('img/0.png', 'img/1.png', 'img/2.png', ...)"),
    "outside": ("../{}.png", "leaves the data folder by '..' ('../0.png', '../1.png', '../2.png', ...)"),
    "elsewhere": ("/mnt/{}.png", "on a whole disk that is not inside the data folder ('/mnt/0.png', "),
    "net": ("https://example.org/{}.png", "names an address on the net ('https://example.org/0.png', "),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_kind_of_fault_is_one_sentence(tmp_path: Path, way: str) -> None:
    path, words = WAYS[way]
    with (tmp_path / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "label"], *([path.format(row), "cat"] for row in range(ROWS))])
    faults = Faults()
    assert not list(Manifest(tmp_path / "m.csv", DEFAULT_SETTINGS).entries(faults))
    (finding,) = faults.findings().items
    assert finding.count == ROWS
    assert f"lines 2, 3, 4 and {ROWS - 3:,} more" in finding.sentence
    assert words in finding.sentence
    assert len(finding.sentence) < 500


def test_kinds_stay_apart(tmp_path: Path) -> None:
    rows = [[WAYS[way][0].format(row), "cat", "tset"] for row, way in enumerate([*WAYS] * 10)]
    with (tmp_path / "m.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "label", "split"], *rows, ["", "cat", "train"]])
    faults = Faults()
    assert not list(Manifest(tmp_path / "m.csv", DEFAULT_SETTINGS).entries(faults))
    assert len(faults.findings().items) == len(WAYS) + 1
