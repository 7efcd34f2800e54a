"""Files of scores: read whole, or refused in one sentence that names the place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import CeterisError
from components.evaluation.score_tables.score_files import read_scores

PLAIN = """measure,architecture,pretraining_seed,score
vqa,clip,0,0.5
vqa,clip,1,0.6
vqa,vilt,0,0.7
vqa,vilt,1,0.8
"""
SAMPLES = "Score,Sample,architecture,measure,seed,group,note\n" + "".join(
    f"{(number + seed + (arm == 'vilt')) % 2},{number},{arm},vqa,{seed},{number // 2},ignored\n"
    for number in range(4)
    for arm in ("clip", "vilt")
    for seed in (7, 8)
)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "scores.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_file_without_samples(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path, "\ufeff" + PLAIN.replace("\n", "\r\n") + "\r\n"))
    assert found.architectures == ["clip", "vilt"]
    assert found.seeds == ["0", "1"]
    assert found.measures["vqa"].seeds == {"clip": ["0", "1"], "vilt": ["0", "1"]}
    assert found.measures["vqa"].clusters is None
    assert found.measures["vqa"].scores["vilt"].tolist() == [0.7, 0.8]


def test_a_file_with_samples_and_clusters(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path, SAMPLES)).measures["vqa"]
    assert found.clusters is not None
    assert found.clusters.tolist() == [0, 0, 1, 1]
    assert found.scores["clip"].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    np.testing.assert_array_equal(found.scores["vilt"], 1 - found.scores["clip"])


def test_samples_without_clusters_are_their_own(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path, SAMPLES.replace("group", "remark"))).measures["vqa"]
    assert found.clusters is not None
    assert sorted(found.clusters.tolist()) == [0, 1, 2, 3]


def test_an_architecture_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN + "vqa,mmbt,0,0.1\n")
    assert read_scores(path, ["mmbt"]).architectures == ["clip", "vilt"]


def test_seeds_have_any_name_and_number(tmp_path: Path) -> None:
    """Seeds are never paired; samples are, whatever the seeds are called."""
    found = read_scores(written(tmp_path, PLAIN + "vqa,vilt,other,0.9\n")).measures["vqa"]
    assert found.seeds == {"clip": ["0", "1"], "vilt": ["0", "1", "other"]}
    assert found.scores["vilt"].tolist() == [0.7, 0.8, 0.9]
    further = "".join(f"1,{sample},vilt,vqa,x,{sample // 2},\n" for sample in range(4))
    items = read_scores(written(tmp_path, SAMPLES + further)).measures["vqa"]
    assert items.scores["clip"].shape == (4, 2)
    assert items.scores["vilt"].shape == (4, 3)
    assert items.scores["vilt"][:, 2].tolist() == [1, 1, 1, 1]


def test_a_wide_table_may_lack_runs(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path, "seed,clip,vilt\na,0.5,0.6\nb,0.4,0.7\nc,,0.8\n"))
    assert found.measures["scores"].seeds == {"clip": ["a", "b"], "vilt": ["a", "b", "c"]}


def test_percent_signs_stay_the_unit(tmp_path: Path) -> None:
    found = read_scores(written(tmp_path, PLAIN.replace("0.5", "50 %").replace("0.6", "60%").replace("0.7", "70.5%")
                                .replace("0.8", "80%"))).measures["vqa"]  # fmt: skip
    assert found.percent
    assert found.scores["vilt"].tolist() == [70.5, 80.0]


WAYS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "mark": st.sampled_from([".", ","]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        "newline": st.sampled_from(["\n", "\r\n", "\r"]),
        "says": st.booleans(),
        "blank_rows": st.integers(0, 3),
        "blanks": st.sampled_from(["", " "]),
        "percent": st.booleans(),
        "wide": st.booleans(),
    }
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WAYS, st.lists(st.integers(0, 9999), min_size=4, max_size=4))
def test_the_same_scores_in_every_way_of_writing(tmp_path: Path, way: dict[str, Any], digits: list[int]) -> None:
    """Separators, decimal marks, encodings, ends of lines, blanks, percent signs and layouts change nothing."""
    texts = [f"0{way['mark']}{number:04d}{'%' * way['percent']}" for number in digits]
    if way["wide"]:
        rows = [["measure", "seed", "clip", "größer"], ["vqa", "0", *texts[::2]], ["vqa", "1", *texts[1::2]]]
    else:
        names = [("clip", "0"), ("clip", "1"), ("größer", "0"), ("größer", "1")]
        rows = [["measure", "architecture", "seed", "score"]]
        rows += [["vqa", *name, text] for name, text in zip(names, texts, strict=True)]
    rows += [[""] * 4] * way["blank_rows"]
    quote = '"' if way["delimiter"] == way["mark"] else ""
    lines = [way["delimiter"].join(f"{way['blanks']}{quote}{field}{quote}" for field in row) for row in rows]
    lines = [f"sep={way['delimiter']}"] * way["says"] + lines
    found = read_scores(written(tmp_path, way["newline"].join(lines).encode(way["encoding"])))
    expected = [number / 10_000 for number in digits]
    assert found.measures["vqa"].scores["clip"].tolist() == pytest.approx(expected[:2])
    assert found.measures["vqa"].scores["größer"].tolist() == pytest.approx(expected[2:])
    assert (found.delimiter, found.decimal_mark) == (way["delimiter"], way["mark"])
    assert found.measures["vqa"].percent == way["percent"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty: it needs the columns"),
        ("measure,architecture,seed,score\n", "has a header and no scores"),
        (PLAIN.replace("score", "points"), "has no column score: its columns are measure, architecture"),
        (PLAIN.replace("pretraining_seed", "run"), "has no column whose name ends in seed"),
        (PLAIN.replace("pretraining_seed,score", "a_seed,score,b_seed").replace("\n", ",0\n"), "more than one column"),
        (PLAIN.replace("0.7", "good"), "line 4 has the score 'good', which is not a number"),
        (PLAIN.replace("0.7", "nan"), "line 4 has the score 'nan'"),
        (PLAIN.replace("0.7", ""), "line 4 has the score ''"),
        (PLAIN.replace("clip,1", ",1"), "line 3 has no architecture"),
        (PLAIN + "vqa,clip,1,0.6\n", "line 6 repeats the score of clip, seed 1, on vqa"),
        (PLAIN + "vqa,clip\n", "line 6 has 2 fields, but the header names 4 columns"),
        (PLAIN.replace("vqa,vilt,1,0.8\n", ""), "has one seed only (0) of vilt on vqa"),
        (PLAIN + "nlvr,clip,0,0.5\nnlvr,clip,1,0.5\n", "has no score of vilt on nlvr: a comparison needs"),
        ("".join(PLAIN.splitlines(keepends=True)[:3]), "fewer than two architectures"),
        ("".join(PLAIN.splitlines(keepends=True)[i] for i in (0, 1, 3)), "has scores of one seed only"),
        (PLAIN.encode("utf-16-le"), "is not UTF-8 text, for it holds zero bytes"),
        (PLAIN.replace("0.7", "70%"), "line 4 has the score 70%, but line 2 has 0.5: write all scores of vqa with"),
        (PLAIN.replace("0.7", "0,7"), "has 5 fields, but the header names 4 columns: put numbers with decimal commas"),
        (PLAIN.replace("0.7", '"0,7"'), "has 0.8 in line 5 and 0,7 in line 4: write all numbers with the same"),
        (PLAIN.replace("vilt,1", "Vilt,1"), "has the architectures 'vilt' and 'Vilt', which look alike"),
        (PLAIN.replace("vqa,vilt", "VQA,vilt"), "has the measures 'vqa' and 'VQA', which look alike"),
        (PLAIN.replace("0.7", "70.1").replace("0.8", "71"), "vilt has scores from 70.1 to 71 and clip from 0.5 to 0.6"),
        ("seed,clip,vilt\n0,0.5,NA\n1,0.5,\n", "line 2 has 'NA' under vilt, which is not a number: leave the cell empty"),
        (PLAIN.encode() + b"vqa,cl\xffip,2,0.1\n", "is not UTF-8 text"),
        (PLAIN + 'vqa,"clip,2,0.1\n', "is not a CSV file that can be read"),
        (PLAIN.replace("pretraining_seed", "group,seed").replace("clip", "clip,a").replace("vilt", "vilt,a"),
         "has a column group but no column sample"),
        (SAMPLES.replace("vqa,8,1,", "vqa,8,0,"), "into a second cluster"),
        (SAMPLES.replace("3,vilt,vqa,8", "9,vilt,vqa,8"),
         "has no score of clip, seed 7, sample 9, on vqa: every run of a measure needs every sample"),
    ],
)  # fmt: skip
def test_every_fault_is_one_sentence(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CeterisError) as caught:
        read_scores(path)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="cannot be read: No such file"):
        read_scores(tmp_path / "none.csv")
    with pytest.raises(CeterisError, match="cannot be read: Is a directory"):
        read_scores(tmp_path)


def test_what_is_not_there_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match="no architecture 'bert' that could be left out: it has clip, vilt"):
        read_scores(written(tmp_path, PLAIN), ["bert"])
