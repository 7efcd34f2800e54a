"""`ceteris verdict`: a published study's figures, and small files whose answer is known."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from components.errors import CeterisError
from components.evaluation.commands.verdict import Json, judge, parse_groups
from components.evaluation.commands.verdict_text import render_verdict
from components.evaluation.statistics.estimates import estimate_difference, holm, summarise

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT.parent / "shared/data/volta_scores/pretraining_seeds.csv"
needs_scores = pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published scores are not beside this checkout")
MEASURES = ["VQAv2", "RefCOCO+", "NLVR2", "Flickr30k IR@1", "Flickr30k TR@1"]


@pytest.fixture(scope="module")
def published() -> Json:
    return judge(PUBLISHED, ["LXMERT"], ["single=VL-BERT,VisualBERT,UNITER", "dual=ViLBERT"])


def pair_of(result: Json, measure: str, *names: str) -> Json:
    return next(pair for pair in result["measures"][measure]["pairs"] if {pair["first"], pair["second"]} == set(names))


@needs_scores
def test_published_means_and_deviations() -> None:
    """Ten pretraining seeds of five models: the table of the study, means and standard deviations."""
    table = {
        "ViLBERT": "68.81 0.09 70.95 0.29 72.04 0.41 60.16 0.68 76.63 1.06",
        "LXMERT": "67.50 0.18 69.95 0.46 69.75 0.72 56.28 2.37 71.50 3.44",
        "VL-BERT": "68.23 0.22 71.16 0.21 72.91 0.35 56.36 1.23 70.01 1.25",
        "VisualBERT": "68.65 0.22 69.78 0.27 72.08 0.64 58.67 2.17 73.17 2.30",
        "UNITER": "68.57 0.28 71.65 0.17 73.22 0.59 59.35 1.18 73.76 1.40",
    }
    result = judge(PUBLISHED)
    assert list(result["measures"]) == MEASURES
    for name, figures in table.items():
        rows = [
            next(row for row in result["measures"][measure]["architectures"] if row["architecture"] == name)
            for measure in MEASURES
        ]
        # The table is rounded from scores that are themselves rounded, hence half a unit of its last digit and a bit.
        found = [value for row in rows for value in (row["mean"], row["sd"])]
        assert found == pytest.approx([float(figure) for figure in figures.split()], abs=0.0055)


@needs_scores
def test_published_analysis_of_variance(published: Json) -> None:
    found = [published["measures"][measure]["anova"] for measure in MEASURES]
    assert [round(analysis["f"], 1) for analysis in found] == [12.8, 111.6, 13.4, 13.3, 29.7]
    assert all(analysis["degrees"] == [3, 36] and analysis["p"] < 1e-4 for analysis in found)


@needs_scores
def test_published_permutation_tests(published: Json) -> None:
    how = published["measures"]["NLVR2"]["permutation"]
    assert (how["exact"], how["splits"]) == (True, 184_756)
    assert pair_of(published, "NLVR2", "ViLBERT", "UNITER")["p"] == pytest.approx(1.9e-4, abs=5e-6)
    assert pair_of(published, "VQAv2", "VisualBERT", "UNITER")["p"] == pytest.approx(0.50, abs=5e-3)


@needs_scores
def test_published_single_against_dual_stream(published: Json) -> None:
    """The published p-values are those of every run on its own: thirty single-stream runs against ten of ViLBERT."""
    found = [published["measures"][measure]["groups"][0]["pooled"] for measure in MEASURES]
    assert all(pooled["degrees"] == [1, 38] for pooled in found)
    expected = {"VQAv2": 0.002, "NLVR2": 0.007, "Flickr30k IR@1": 0.004, "Flickr30k TR@1": 2e-6, "RefCOCO+": 0.76}
    for measure, pooled in zip(MEASURES, found, strict=True):
        assert float(f"{pooled['p']:.1g}") == pytest.approx(float(f"{expected[measure]:.1g}")), measure
    assert found[1]["p"] == pytest.approx(0.76, abs=5e-3)
    signs = [published["measures"][measure]["groups"][0]["difference"] > 0 for measure in MEASURES]
    assert signs == [False, False, True, False, False]  # there is no overall winner


@needs_scores
def test_published_scores_on_the_command_line() -> None:
    done = command(str(PUBLISHED), "--leave-out", "LXMERT", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["left_out"] == ["LXMERT"]


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", "verdict", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def written(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "scores.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def runs(means: dict[str, float], seeds: int, spread: float = 0.004) -> list[dict[str, object]]:
    generator = np.random.default_rng(seeds)
    return [
        {"measure": "vqa", "architecture": name, "seed": seed, "score": mean + spread * generator.normal()}
        for name, mean in means.items()
        for seed in range(seeds)
    ]


def items(seeds: int) -> tuple[list[dict[str, object]], dict[str, np.ndarray], np.ndarray]:
    """Scores of 60 samples in clusters of two: `good` is better, `twin` like `plain` but for a hair."""
    generator = np.random.default_rng(3)
    easy = generator.normal(0.5, 0.2, (60, 1))
    shifts = {"plain": 0.0, "good": 0.2, "twin": 0.002}
    scores = {name: easy + shift + generator.normal(0, 0.02, (60, seeds)) for name, shift in shifts.items()}
    rows = [
        {
            "measure": "vqa",
            "architecture": name,
            "seed": seed,
            "sample": item,
            "cluster": item // 2,
            "score": float(value),
        }
        for name, array in scores.items()
        for (item, seed), value in np.ndenumerate(array)
    ]
    return rows, scores, np.arange(60) // 2


def test_words_ranks_and_order_without_samples(tmp_path: Path) -> None:
    path = written(tmp_path, runs({"low": 0.5, "high": 0.7, "twin": 0.701}, 6))
    result = judge(path, margin=0.02)
    entry = result["measures"]["vqa"]
    assert result["grade"] == "exploratory"
    assert [row["architecture"] for row in entry["architectures"]][2] == "low"
    assert [row["ranks"] for row in entry["architectures"]] == [[1, 2], [1, 2], [3, 3]]
    assert pair_of(result, "vqa", "low", "high")["verdict"] == "better"
    assert pair_of(result, "vqa", "high", "twin")["verdict"] == "equivalent"
    assert all(pair["difference"] >= 0 for pair in entry["pairs"])
    assert [pair["p_holm"] for pair in entry["pairs"]] == pytest.approx(
        holm([pair["p"] for pair in entry["pairs"]]), rel=1e-5
    )


def test_with_samples_it_is_the_two_way_procedure(tmp_path: Path) -> None:
    rows, scores, clusters = items(4)
    result = judge(written(tmp_path, rows), margin=0.03)
    entry = result["measures"]["vqa"]
    assert (entry["samples"], entry["clusters"], entry["anova"], entry["permutation"]) == (60, 30, None, None)
    for pair in entry["pairs"]:
        first, second = (summarise(scores[pair[side]], clusters) for side in ("first", "second"))
        expected = estimate_difference(first, second, 0.95)
        figures = [pair[key] for key in ("difference", "low", "high", "p")]
        assert figures == pytest.approx([expected.mean, expected.low, expected.high, expected.p], rel=1e-5)
    assert pair_of(result, "vqa", "good", "plain")["verdict"] == "better"
    assert pair_of(result, "vqa", "twin", "plain")["verdict"] == "equivalent"
    assert "two-way analysis" in render_verdict(result)


@pytest.mark.parametrize(("seeds", "smallest"), [(3, "0.1"), (5, "0.0079"), (6, "0.0022")])
def test_the_smallest_reachable_p_is_printed(tmp_path: Path, seeds: int, smallest: str) -> None:
    text = render_verdict(judge(written(tmp_path, runs({"a": 0.5, "b": 0.9}, seeds))))
    assert f"with {seeds} seeds a side it cannot be below {smallest}." in text
    assert ("So few seeds cannot separate any pair" in text) == (seeds == 3)


def test_two_seeds_are_descriptive(tmp_path: Path) -> None:
    result = judge(written(tmp_path, runs({"a": 0.5, "b": 0.9}, 2)), margin=0.01)
    assert result["grade"] == "descriptive"
    assert [pair["verdict"] for pair in result["measures"]["vqa"]["pairs"]] == ["descriptive"]
    assert [row["ranks"] for row in result["measures"]["vqa"]["architectures"]] == [[1, 2], [1, 2]]


def test_architectures_have_their_own_numbers_of_seeds(tmp_path: Path) -> None:
    """Every figure of five, four and two seeds against scipy; the pairs with two seeds carry no verdict."""
    rows = runs({"a": 0.5, "b": 0.9}, 5)[:-1] + [row | {"seed": f"x{row['seed']}"} for row in runs({"c": 0.7}, 2)]
    result = judge(written(tmp_path, rows))
    entry = result["measures"]["vqa"]
    scores = {row["architecture"]: row["scores"] for row in entry["architectures"]}
    assert {name: len(own) for name, own in scores.items()} == {"a": 5, "b": 4, "c": 2}
    assert (result["seeds"], result["grade"], entry["permutation"]) == (None, "exploratory", None)
    assert entry["anova"]["degrees"] == [2, 8]
    assert entry["anova"]["f"] == pytest.approx(stats.f_oneway(*scores.values()).statistic, rel=1e-4)
    for pair in entry["pairs"]:
        first, second = (np.array(scores[pair[side]]) for side in ("first", "second"))
        exact = stats.permutation_test(
            (first, second), lambda x, y: abs(x.mean() - y.mean()), n_resamples=np.inf, alternative="greater"
        )
        assert pair["p"] == pytest.approx(exact.pvalue, rel=1e-5)
        assert pair["p_welch"] == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue, rel=0.01)
        total = math.comb(len(first) + len(second), len(first))
        assert (pair["permutation"]["splits"], pair["permutation"]["exact"]) == (total, True)
        assert pair["permutation"]["smallest_p"] == pytest.approx(1 / total, rel=1e-5)
        described = "c" in (pair["first"], pair["second"])
        assert (pair["verdict"] == "descriptive") == (pair["p_holm"] is None) == described
    assert (
        pair_of(result, "vqa", "a", "b")["p_holm"] == pair_of(result, "vqa", "a", "b")["p"]
    )  # the only one that counts
    text = render_verdict(result)
    assert "2 to 5 seeds" in text
    assert "  Descriptive: every pair with c (2 seeds), for a verdict needs 3 on both sides." in text
    assert "all 126 splits; with 4 and 5 seeds it cannot be below 0.0079 (b - a)." in text


def test_few_seeds_name_the_pairs_that_they_cannot_separate(tmp_path: Path) -> None:
    rows = [
        row for row in runs({"a": 0.5, "b": 0.9, "c": 0.7}, 6) if row["architecture"] != "c" or row["seed"] in range(3)
    ]
    result = judge(written(tmp_path, rows))
    # With three and six seeds p is never below 1/84; third in Holm's order it stays there.
    bounds = [pair["permutation"]["smallest_p_holm"] for pair in result["measures"]["vqa"]["pairs"]]
    assert bounds == pytest.approx(holm([1 / 84, 2 / 924, 1 / 84]), rel=1e-4)
    assert "cannot separate" not in render_verdict(result)
    assert "So few seeds cannot separate b - c, c - a at the level 0.01 (0.024 after" in render_verdict(
        judge(tmp_path / "scores.csv", confidence=0.99)
    )


def test_runs_with_samples_may_have_unequal_seeds(tmp_path: Path) -> None:
    rows, scores, clusters = items(4)
    rows = [row for row in rows if row["architecture"] != "good" or row["seed"] != 3]
    pair = pair_of(judge(written(tmp_path, rows)), "vqa", "good", "plain")
    expected = estimate_difference(
        summarise(scores["good"][:, :3], clusters), summarise(scores["plain"], clusters), 0.95
    )
    assert [pair[key] for key in ("difference", "low", "high", "p")] == pytest.approx(
        [expected.mean, expected.low, expected.high, expected.p], rel=1e-5
    )


def turned(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row | {"measure": "loss", "score": 1 - float(str(row["score"]))} for row in rows]


@pytest.mark.parametrize("samples", [False, True])
def test_lower_is_better_is_the_mirror_of_higher(tmp_path: Path, samples: bool) -> None:
    """1 - score with lower is better: the same words, ranks and p-values, and differences of the other sign."""
    rows = items(4)[0] if samples else runs({"low": 0.5, "high": 0.7, "twin": 0.701}, 6)
    higher = judge(written(tmp_path, rows), margin=0.02)["measures"]["vqa"]
    result = judge(written(tmp_path, turned(rows)), margin=0.02, lower_is_better=["loss"])
    lower = result["measures"]["loss"]
    for kind, same in (("architectures", ["architecture", "ranks"]), ("pairs", ["first", "second", "verdict"])):
        assert [[row[key] for key in same] for row in lower[kind]] == [
            [row[key] for key in same] for row in higher[kind]
        ]
    for one, other in zip(lower["pairs"], higher["pairs"], strict=True):
        assert one["difference"] == pytest.approx(-other["difference"], rel=1e-4)
        assert one["p_holm"] == pytest.approx(other["p_holm"], rel=1e-4)
    assert {"better", "equivalent"} == {pair["verdict"] for pair in lower["pairs"]}
    text = render_verdict(result)
    assert "\nloss (lower is better)" in text
    assert "a difference below zero favours the first of a pair" in text


def test_a_name_that_sounds_like_a_loss_may_be_told_to_be_none(tmp_path: Path) -> None:
    path = written(tmp_path, turned(runs({"a": 0.5, "b": 0.7}, 4)))
    with pytest.raises(
        CeterisError, match="say --lower-is-better loss if it is, or --higher-is-better loss if it is not"
    ):
        judge(path)
    entry = judge(path, higher_is_better=["loss"])["measures"]["loss"]
    assert (entry["lower_is_better"], entry["architectures"][0]["architecture"]) == (False, "a")


def test_unequal_variances_are_said(tmp_path: Path) -> None:
    rows = runs({"still": 0.7}, 5, 0.0001) + runs({"wild": 0.65}, 5, 0.02) + runs({"wilder": 0.6}, 5, 0.03)
    result = judge(written(tmp_path, rows))
    flags = {(pair["first"], pair["second"]): pair["unequal_variances"] for pair in result["measures"]["vqa"]["pairs"]}
    assert flags == {("still", "wild"): True, ("still", "wilder"): True, ("wild", "wilder"): False}
    pair, text = pair_of(result, "vqa", "still", "wild"), render_verdict(result)
    line = next(line for line in text.splitlines() if "leans on equal variances" in line)
    assert line.startswith("  still - wild: the variances differ by a factor of 40000, but the permutation test's p = ")
    assert f"Welch's p = {pair['p_welch']:.2g} does not." in line
    rows[:5] = [row | {"score": 0.7} for row in rows[:5]]
    result = judge(written(tmp_path, rows))
    assert pair_of(result, "vqa", "still", "wild")["variance_ratio"] is None
    assert "  still - wild: only one side varies, but" in render_verdict(result)
    json.dumps(result, allow_nan=False)


def test_what_was_understood_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "vqa.csv"
    path.write_text("sep=;\nseed;clip;vilt\n" + "".join(f"{n};7{n},5%;6{n},5 %\n" for n in range(4)), encoding="utf-16")
    result = judge(path)
    text = render_verdict(result)
    assert text.splitlines()[1] == (
        "Read as architectures in columns (clip, vilt), the measure called after the file; semicolons between columns, "
        "decimal commas."
    )
    assert "\nvqa (in percent)\n" in text
    assert result["read_as"] == {
        "layout": "architectures in columns",
        "columns": {"seed": "seed"},
        "headings": "architecture",
        "unused": [],
        "delimiter": ";",
        "decimal_mark": ",",
    }
    path.write_text(
        "metric,model,seed,value,note\n" + "".join(f"m,{name},{n},{n},\n" for n in range(3) for name in "ab"),
        encoding="utf-8",
    )
    assert render_verdict(judge(path)).splitlines()[1] == (
        "Read as one score a row, column metric as measure, column model as architecture, column value as score, "
        "without note; commas between columns, whole numbers."
    )


def test_groups_are_compared_in_two_ways(tmp_path: Path) -> None:
    path = written(tmp_path, runs({"a": 0.5, "b": 0.6, "c": 0.55}, 5))
    values = {row["architecture"]: row["scores"] for row in judge(path)["measures"]["vqa"]["architectures"]}
    found = judge(path, groups=["ab=a, b"])["measures"]["vqa"]["groups"][0]
    assert found["second"] == {"name": "the others", "architectures": ["c"]}
    pooled = stats.ttest_ind(values["a"] + values["b"], values["c"])
    assert found["pooled"]["p"] == pytest.approx(pooled.pvalue, rel=1e-4)
    assert found["difference"] == pytest.approx(
        (np.mean(values["a"]) + np.mean(values["b"])) / 2 - np.mean(values["c"]), abs=1e-6
    )


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["a,b"], "is not a new NAME=ARCHITECTURE"),
        (["x=a,"], "is not a new NAME=ARCHITECTURE"),
        (["x=a", "x=b"], "is not a new NAME=ARCHITECTURE"),
        (["x=a,z"], "names 'z', which is not among a, b, c"),
        (["x=a", "y=b,a"], "names a twice"),
        (["x=a,b,c"], "one group of all architectures"),
    ],
)
def test_groups_that_cannot_be(texts: list[str], sentence: str) -> None:
    with pytest.raises(CeterisError, match=sentence):
        parse_groups(texts, ["a", "b", "c"])


def test_options_that_cannot_be(tmp_path: Path) -> None:
    path = written(tmp_path, runs({"a": 0.5, "b": 0.9}, 3))
    with pytest.raises(CeterisError, match="--margin is 0"):
        judge(path, margin=0.0)
    with pytest.raises(CeterisError, match="--confidence is 95"):
        judge(path, confidence=95)
    with pytest.raises(CeterisError, match="has samples, and --groups"):
        judge(written(tmp_path, items(3)[0]), groups=["x=good"])


def test_the_options_reach_the_judge(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("seed;one;other\n0;1.234;2.345\n1;1.235;2.346\n2;1.236;2.347\n", encoding="utf-8")
    assert "say --decimal point or --decimal comma" in command(str(path)).stderr
    done = command(str(path), "--decimal", "comma", "--lower-is-better", "scores", "--json")
    entry = json.loads(done.stdout)["measures"]["scores"]
    assert entry["lower_is_better"]
    assert [row["mean"] for row in entry["architectures"]] == [1235, 2346]


def test_the_command_prints_the_same_as_text_and_as_json(tmp_path: Path) -> None:
    path = written(tmp_path, runs({"a": 0.5, "b": 0.9}, 6))
    text, as_json = command(str(path)), command(str(path), "--json")
    assert text.returncode == as_json.returncode == 0
    assert text.stdout == render_verdict(json.loads(as_json.stdout)) + "\n"


def test_a_bad_file_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(b"")
    done = command(str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_the_example_of_the_document_is_what_the_command_prints() -> None:
    printed = command("docs/examples/scores.csv", "--margin", "0.01").stdout
    assert printed.strip() in (ROOT / "docs/evidence.md").read_text(encoding="utf-8")
