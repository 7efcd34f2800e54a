"""Layouts: the header says which column is what, or is asked to."""

from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.score_tables.layouts import Layout, WrittenScore, layout_of, scores_of
from components.evaluation.score_tables.tables import read_table


def read(folder: Path, content: str) -> tuple[Layout, list[WrittenScore]]:
    path = folder / "stem.csv"
    path.write_text(content, encoding="utf-8")
    table = read_table(path, "columns")
    layout = layout_of(table)
    return layout, list(scores_of(table, layout))


@pytest.mark.parametrize(
    ("content", "name", "measure"),
    [
        ("measure,architecture,seed,score\nvqa,a,7,1\nvqa,b,8,2\n", "one score a row", "vqa"),
        ("Value,Model,pretraining_seed,METRIC\n1,a,7,vqa\n2,b,8,vqa\n", "one score a row", "vqa"),
        ("architecture,seed,score,note\na,7,1,x\nb,8,2,\n", "one score a row", "stem"),
        ("seed,a,b\n7,1,\n8,,2\n", "architectures in columns", "stem"),
        ("seeds,measure,a,b\n7,vqa,1,\n8,vqa,,2\n", "architectures in columns", "vqa"),
        ("architecture,seed,vqa\na,7,1\nb,8,2\n", "measures in columns", "vqa"),
        ("model,seed_7,Seed 8\na,1,\nb,,2\n", "seeds in columns", "stem"),
        ("architecture,measure,seed7,seed-8\na,vqa,1,\nb,vqa,,2\n", "seeds in columns", "vqa"),
    ],
)
def test_every_layout_says_the_same(tmp_path: Path, content: str, name: str, measure: str) -> None:
    layout, cells = read(tmp_path, content)
    assert layout.name == name
    assert [(tuple(cell.key), cell.written) for cell in cells] == [
        ((measure, "a", "7", ""), "1"),
        ((measure, "b", "8", ""), "2"),
    ]


def test_samples_may_be_wide(tmp_path: Path) -> None:
    _, cells = read(tmp_path, "seed,sample,group,a,b\n7,x,g,1,0\n")
    assert [(cell.key.architecture, cell.key.sample, cell.group) for cell in cells] == [
        ("a", "x", "g"),
        ("b", "x", "g"),
    ]


def test_columns_that_are_not_used_are_known(tmp_path: Path) -> None:
    assert read(tmp_path, "note,measure,architecture,seed,score\nx,v,a,0,1\n")[0].unused == ["note"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("run,a,b\n0,1,2\n", "has no column whose name ends in seed: its columns are run, a, b"),
        (",a,b\n0,1,2\n", "its columns are (no name), a, b"),
        ("architecture,0,1\na,1,2\n", "call those that are seeds seed_0, seed_1 and so on"),
        ("model,seed_7,seed\na,1,\n", "line 2 has no seed"),
        ("architecture,seed_0,fold\na,1,2\n", "has a column fold beside columns that are seeds"),
        ("architecture,seed_0,mean\na,1,2\n", "column 3 has the heading 'mean', which sounds like a summary"),
        ("seed,a,Std.\n0,1,2\n", "column 3 has the heading 'Std.', which sounds like a summary"),
        ("seed,a,b\nMean,1,2\n", "line 2 has the seed 'Mean', which sounds like a summary: take the row out"),
        ("measure,architecture,seed,score\nv,a,avg,2\n", "line 2 has the seed 'avg'"),
        ("architecture,seed_0,seed_1\naverage,1,2\n", "line 2 has the architecture 'average'"),
        ("seed,a,a\n0,1,2\n", "has more than one column a"),
        ("seed,a,,b\n0,1,9,2\n", "line 2 has '9' in column 3, which has no name"),
        ("vqa,clip,0,0.74\nvqa,clip,1,0.75\n", "has no header, for its first line is vqa, clip, 0, 0.74"),
        ("measure,architecture,seed,points\n", "has no column score"),
        ("architecture,seed\n", "has no column score"),
        ("seed,score\n0,1\n", "has no column architecture"),
    ],
)
def test_headers_that_are_asked_about(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(CeterisError) as caught:
        read(tmp_path, content)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
