"""Files of scores that used to be refused or misread, and what is said of each now."""

import pytest

from components.evaluation.commands.verdict import Json, judge
from tests.evaluation.score_tables.odd_scores import FILES, FOLDER, needs_scores, said_of_scores


def verdicts(result: Json, measure: str) -> dict[tuple[str, str], str]:
    return {(pair["first"], pair["second"]): pair["verdict"] for pair in result["measures"][measure]["pairs"]}


@needs_scores
def test_every_file_is_known_here() -> None:
    """A new file in the folder needs a line in this test."""
    assert sorted(path.name for path in FOLDER.iterdir()) == FILES


@needs_scores
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("error_rate.csv", "does not say whether lower is better for error_rate: say --lower-is-better error_rate if"),
        ("other_seed_names.csv", "Read as one score a row; commas between columns, decimal points. vqa: clip 0.7403"),
        (
            "semicolon_comma.csv",
            "Read as one score a row; semicolons between columns, decimal commas. vqa: clip 0.7403",
        ),
        ("unequal.csv", "vqa: clip 0.7403, vilt 0.70104, late 0.682233"),
        ("wide.csv", "Read as architectures in columns (clip, vilt, late), the measure called after the file; commas"),
    ],
)
def test_what_is_said_of_each(name: str, words: str) -> None:
    said = said_of_scores(FOLDER / name)
    assert words in said
    assert "\n" not in said


@needs_scores
def test_an_error_rate_is_ordered_from_the_lowest() -> None:
    result = judge(FOLDER / "error_rate.csv", lower_is_better=["error_rate"])
    entry = result["measures"]["error_rate"]
    assert [row["architecture"] for row in entry["architectures"]] == ["good", "middling", "bad"]
    assert [row["ranks"] for row in entry["architectures"]] == [[1, 1], [2, 2], [3, 3]]
    assert set(verdicts(result, "error_rate").values()) == {"better"}
    assert all(pair["difference"] < 0 for pair in entry["pairs"])


@needs_scores
def test_names_of_seeds_separators_and_layouts_change_no_number() -> None:
    """Three files with the same fifteen scores."""
    pairs = [
        judge(FOLDER / name)["measures"][measure]["pairs"]
        for name, measure in (("other_seed_names.csv", "vqa"), ("semicolon_comma.csv", "vqa"), ("wide.csv", "wide"))
    ]
    assert pairs[0] == pairs[1] == pairs[2]
    assert [pair["verdict"] for pair in pairs[0]] == ["better"] * 3


@needs_scores
def test_unequal_numbers_of_seeds_are_counted() -> None:
    result = judge(FOLDER / "unequal.csv")
    entry = result["measures"]["vqa"]
    assert [len(row["seeds"]) for row in entry["architectures"]] == [5, 5, 3]
    assert entry["anova"]["degrees"] == [2, 10]
    assert [pair["permutation"]["splits"] for pair in entry["pairs"]] == [252, 56, 56]
    assert verdicts(result, "vqa")[("clip", "late")] == "better"
