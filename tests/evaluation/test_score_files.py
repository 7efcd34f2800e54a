"""Files of scores: read whole, or refused in one sentence that names the place."""

from pathlib import Path

import numpy as np
import pytest

from components.errors import CeterisError
from components.evaluation.score_files import read_scores

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
        (PLAIN.replace("vqa,vilt,1,0.8\n", ""), "has no score of vilt, seed 1, on vqa"),
        (PLAIN + "nlvr,clip,0,0.5\nnlvr,clip,1,0.5\n", "has no score of vilt, seed 0, on nlvr"),
        ("".join(PLAIN.splitlines(keepends=True)[:3]), "fewer than two architectures"),
        ("".join(PLAIN.splitlines(keepends=True)[i] for i in (0, 1, 3)), "has scores of one seed only"),
        (PLAIN.encode("utf-16"), "is not UTF-8 text"),
        (PLAIN.encode() + b"vqa,cl\xffip,2,0.1\n", "is not UTF-8 text"),
        (PLAIN + 'vqa,"clip,2,0.1\n', "is not a CSV file that can be read"),
        (PLAIN.replace("pretraining_seed", "group,seed").replace("clip", "clip,a").replace("vilt", "vilt,a"),
         "has a column group but no column sample"),
        (SAMPLES.replace("vqa,8,1,", "vqa,8,0,"), "into a second cluster"),
        (SAMPLES.replace("3,vilt,vqa,8", "9,vilt,vqa,8"), "has no score of"),
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
