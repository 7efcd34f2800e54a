"""Rows that contradict one another are counted and shown."""

from hypothesis import given
from hypothesis import strategies as st

from components.data.sources.contradictions import Contradictions


def test_rows_of_one_picture_and_text_with_two_targets_are_told() -> None:
    found = Contradictions()
    for place, (look, words, target) in enumerate(
        [
            ("p", "", "cat"),
            ("q", "", "dog"),
            ("p", "", "cat"),
            ("p", "", "dog"),
            ("q", "what?", "cat"),
            ("q", "", "dog"),
        ],
        2,
    ):
        found.add("m.csv", place, look, words, target)
    assert found.rows == 3
    (item,) = found.findings("m.csv").items
    assert item.severity == "warning"
    assert item.sentence == (
        "m.csv: 3 rows show the picture and the text of another row and have another target (line 2 'cat' and line 5 'dog'): "
        "decide for one target, or remove the rows."
    )
    assert (
        "at most one of the answers counts as right" in found.findings("m.csv", answers_are_open=True).items[0].sentence
    )


def test_rows_of_two_files_are_told_apart() -> None:
    found = Contradictions()
    found.add("train.csv", 2, "p", "", "cat")
    found.add("test.parquet", 7, "p", "", "dog")
    assert "(line 2 'cat' and test.parquet row 7 'dog')" in found.findings("train.csv").items[0].sentence


def test_pictures_that_cannot_be_read_and_rows_without_a_target_do_not_count() -> None:
    found = Contradictions()
    for target in ("cat", "dog"):
        found.add("m.csv", 2, "", "", target)
    found.add("m.csv", 4, "p", "", None)
    found.add("m.csv", 5, "p", "", "cat")
    assert found.rows == 0
    assert found.findings("m.csv").items == []


@given(
    asked=st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["", "x"]), st.sampled_from("abc")), max_size=30)
)
def test_the_count_is_that_of_all_pairs(asked: list[tuple[str, str, str]]) -> None:
    found = Contradictions()
    for place, row in enumerate(asked):
        found.add("m.csv", place, *row)
    torn = {
        (look, words)
        for look, words, target in asked
        for other in asked
        if other[:2] == (look, words) and other[2] != target
    }
    assert found.rows == sum((look, words) in torn for look, words, _ in asked)
