"""What is said of targets, and which are refused at once."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from components.data.sources.targets import are_open, survey

SHARED = Path(__file__).parents[4] / "shared" / "data" / "odd_manifests"


def rows(**counts: int) -> list[str]:
    return [target for target, count in counts.items() for _ in range(count)]


def test_classes_are_counted_and_the_rarest_named() -> None:
    found = survey([*rows(a=50, b=30, c=12, d=3, e=1), None, ""])
    assert (found.rows, len(found.counts), found.singletons) == (96, 5, 1)
    assert found.majority == pytest.approx(50 / 96)
    assert found.sentences() == [
        "5 classes in 96 rows; the most frequent 'a' (50), 'b' (30), 'c' (12), the rarest 'e' (1), 'd' (3), 'c' (12). Saying 'a' "
        "every time is right in 52.1%.",
        "2 classes have fewer than 4 rows ('e', 'd'): they stay in training and are hardly tested.",
    ]
    assert found.findings("m.csv").items == []


def test_one_rare_class_and_many() -> None:
    assert survey(rows(a=9, b=3)).sentences()[1] == (
        "1 class has fewer than 4 rows ('b'): it stays in training and is hardly tested."
    )
    many = survey(rows(a=99, **{f"x{number}": 1 + number % 3 for number in range(7)}))
    assert many.sentences()[1].startswith("7 classes have fewer than 4 rows ('x0', 'x3', 'x6', ...): they stay")


@pytest.mark.parametrize("count", [1, 2, 60])
def test_one_class_is_refused(count: int) -> None:
    (item,) = survey(rows(cat=count)).findings("m.csv").items
    assert (item.severity, item.rule) == ("critical", "one class")
    assert item.sentence.startswith(
        "m.csv: all rows have the target 'cat', so there is nothing to tell apart: add rows"
    )


def test_classes_of_one_row_each_are_refused() -> None:
    people = [f"person {number}" for number in range(60)]
    (item,) = survey(people).findings("m.csv").items
    assert (item.severity, item.rule) == ("critical", "classes seen once")
    assert (
        "every class has one row only ('person 0', 'person 1', 'person 10', ...), so nothing can be asked"
        in item.sentence
    )
    assert len(survey(people).sentences()) == 1
    # One class with a second row is enough to learn something.
    assert survey([*people, "person 0"]).findings("m.csv").items == []


def test_classes_that_each_lie_in_one_group_are_refused_too() -> None:
    targets, groups = rows(a=20, b=20), ["patient 1"] * 20 + ["patient 2"] * 20
    (item,) = survey(targets, groups=groups).findings("m.csv").items
    assert "every class has one group of rows that belong together only" in item.sentence
    assert survey(targets, groups=["patient 1", "patient 2"] * 20).findings("m.csv").items == []


def test_splits_that_the_user_names_may_have_a_class_once_each() -> None:
    found = survey(["a", "b", "c", "a", "x"], ["train", "train", "train", "selection", "selection"])
    assert found.untrained == {"selection": 1}
    assert found.findings("m.csv").items == []


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (rows(yes=60, no=60) + [f"sentence {number}" for number in range(30)], True),
        (rows(yes=60, no=60) + [f"sentence {number}" for number in range(3)], False),
        (rows(a=500, b=400, **{f"x{number}": 1 for number in range(20)}), False),
        ([f"sentence {number}" for number in range(30)], False),
        (rows(a=5, b=5, c=1), False),
        ([], False),
    ],
)
def test_answers_are_open_where_most_are_given_once_by_many(targets: Sequence[str], expected: bool) -> None:
    found = survey(targets)
    assert are_open(found.counts) == found.open == expected
    assert expected == any("Answers are open" in sentence for sentence in found.sentences())


def test_look_alikes_are_a_warning_with_three_examples() -> None:
    found = survey(rows(**{f"class{number}": 5 for number in range(5)}, **{f"Class{number}": 2 for number in range(5)}))
    (item,) = found.findings("m.csv").items
    assert item.severity == "warning"
    assert item.sentence == (
        "m.csv: 10 targets look like 5 ('class0' (5 rows) and 'Class0' (2 rows); 'class1' (5 rows) and 'Class1' (2 rows); 'class2' "
        "(5 rows) and 'Class2' (2 rows); ...): write each in one way, unless they differ on purpose."
    )


def test_no_target_at_all() -> None:
    assert survey([None, ""]).sentences() == ["No row has a target."]
    assert survey([]).findings("m.csv").items == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
@pytest.mark.parametrize(
    ("folder", "column", "said"),
    [
        ("all_singletons", "label", "every class has one row only"),
        ("one_class", "label", "all rows have the target 'cat'"),
        ("nfc_nfd_labels", "label", r"6 targets look like 3 ('Cafe\u0301' (10 rows) and 'Café' (10 rows); "),
        ("open_answers", "answer", "Answers are open: 335 of 339 are given once, by 37.2% of the rows."),
    ],
)
def test_the_samples_that_failed(folder: str, column: str, said: str) -> None:
    with (SHARED / folder / "m.csv").open(encoding="utf-8", newline="") as file:
        found = survey(row[column] for row in csv.DictReader(file))
    assert said in " ".join([*found.sentences(), *found.findings("m.csv").sentences()])
