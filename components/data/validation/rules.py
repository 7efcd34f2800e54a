"""The rules of data validation. Each is an expectation of Great Expectations with the sentence for its failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.data.findings import Severity
from components.data.images import FORMATS, MAX_PIXELS, MODES
from components.data.samples import GENERALISATION_PREFIX

MAX_CHARACTERS = 5000
MAX_ID_CHARACTERS = 400
SMALLEST_SIDE = 8
LARGEST_ASPECT = 20
FEWEST_EVALUATED = 30


@dataclass(frozen=True)
class Rule:
    """One expectation on one table.

    Attributes:
        name: of the rule in findings.
        severity: critical findings stop the pipeline.
        expectation: the class in `great_expectations.expectations`.
        arguments: of that class.
        problem: what is wrong with rows that fail; `{detail}` is replaced by the cell in the column `detail`.
        advice: what to do.
        detail: the column by whose values failing rows are divided into findings.
        examples: the column from which a few cells are quoted.
    """

    name: str
    severity: Severity
    expectation: str
    arguments: Mapping[str, Any]
    problem: str
    advice: str
    detail: str | None = None
    examples: str | None = None


def _nothing_in(
    name: str,
    column: str,
    advice: str,
    problem: str = "{detail}",
    severity: Severity = "critical",
    examples: str | None = None,
) -> Rule:
    """A rule for a column that holds problems in words: it must be empty in every row."""
    arguments = {"column": column, "value_set": [""]}
    return Rule(
        name, severity, "ExpectColumnValuesToBeInSet", arguments, problem, advice, detail=column, examples=examples
    )


def _between(
    name: str,
    column: str,
    limits: tuple[float | None, float | None],
    problem: str,
    advice: str,
    severity: Severity = "critical",
) -> Rule:
    arguments = {"column": column, "min_value": limits[0], "max_value": limits[1]}
    return Rule(name, severity, "ExpectColumnValuesToBeBetween", arguments, problem, advice)


SPLIT_PATTERN = rf"^(?:train|validation|selection|gate|{GENERALISATION_PREFIX}[a-z0-9_]+)?$"

SAMPLE_RULES = (
    Rule("zero rows", "critical", "ExpectTableRowCountToBeBetween", {"min_value": 1}, "has no usable rows", "add some"),
    Rule(
        "unique ids",
        "critical",
        "ExpectColumnValuesToBeUnique",
        {"column": "id"},
        "has an id that another row has too",
        "give every row its own id",
        examples="id",
    ),
    Rule(
        "id length",
        "critical",
        "ExpectColumnValueLengthsToBeBetween",
        {"column": "id", "min_value": 1, "max_value": MAX_ID_CHARACTERS},
        f"has an id that is empty or longer than {MAX_ID_CHARACTERS} characters",
        "give every row a short id",
    ),
    Rule(
        "known split",
        "critical",
        "ExpectColumnValuesToMatchRegex",
        {"column": "split", "regex": SPLIT_PATTERN},
        "has a split that is not known",
        f"use train, validation, selection, gate or {GENERALISATION_PREFIX}...",
        examples="split",
    ),
    Rule(
        "known part",
        "critical",
        "ExpectColumnValuesToBeInSet",
        {"column": "known_part", "value_set": [True]},
        "belongs to a part that the study does not know",
        "name the tasks in the study as the data does",
        examples="part",
    ),
    _nothing_in("text present", "text_problem", "write one, remove the row, or leave texts out with --text none"),
    _nothing_in("text sound", "text_oddity", "look at it", severity="warning"),
    _between(
        "text bounded",
        "characters",
        (0, MAX_CHARACTERS),
        f"has a text of more than {MAX_CHARACTERS} characters",
        "shorten it, or have it cut",
        "warning",
    ),
    _nothing_in("target present", "target_problem", "fill it in, or remove the row"),
    _nothing_in("picture present", "picture_problem", "add the picture or remove the row"),
    _nothing_in(
        "picture leak",
        "picture_leak",
        "keep each picture in one split",
        problem="shows a picture that occurs in {detail}",
    ),
    _nothing_in(
        "group leak",
        "group_leak",
        "keep each group in one split",
        problem="belongs to a group that occurs in {detail}",
        examples="group",
    ),
    _between(
        "repeated sample",
        "copies",
        (1, 1),
        "repeats another row of its split (same picture, text and target)",
        "keep one of them",
        severity="warning",
    ),
)

PICTURE_RULES = (
    Rule(
        "unique pictures",
        "critical",
        "ExpectColumnValuesToBeUnique",
        {"column": "image_id"},
        "has a picture id that another row has too",
        "give every picture its own id",
        examples="image_id",
    ),
    _nothing_in(
        "picture decodes",
        "problem",
        "save or copy it again, or remove the row",
        problem="has a picture that {detail}",
        examples="reason",
    ),
    _nothing_in(
        "picture read",
        "unread",
        "save it as PNG or JPEG, or remove the row",
        problem="has a picture that {detail}",
    ),
    _nothing_in(
        "picture itself",
        "stand_in",
        "fetch the picture itself, or remove the row",
        problem="has a picture that {detail}",
    ),
    _between(
        "picture size",
        "pixels",
        (1, MAX_PIXELS),
        f"has a picture of more than {MAX_PIXELS:,} pixels, which was refused undecoded (a decompression bomb?)",
        "give a smaller one",
    ),
    _between(
        "tiny picture",
        "shortest",
        (SMALLEST_SIDE, None),
        f"has a picture under {SMALLEST_SIDE} pixels wide or high",
        "look at it",
        "warning",
    ),
    _between(
        "odd picture",
        "aspect",
        (None, LARGEST_ASPECT),
        f"has a picture over {LARGEST_ASPECT} times as long as wide",
        "look at it",
        "warning",
    ),
    Rule(
        "picture mode",
        "critical",
        "ExpectColumnValuesToBeInSet",
        {"column": "mode", "value_set": sorted(MODES)},
        "has a picture whose colours cannot be brought to RGB",
        "save it as RGB",
        examples="mode",
    ),
    Rule(
        "picture format",
        "critical",
        "ExpectColumnValuesToBeInSet",
        {"column": "format", "value_set": [*FORMATS, "MPO"]},
        "has a picture of a format that is not read",
        f"save it as one of {', '.join(FORMATS)}",
        examples="format",
    ),
    _between(
        "boxes inside",
        "boxes_outside",
        (0, 0),
        "has boxes that are empty or leave the picture, read as x, y, width and height",
        "correct them, or leave boxes out with --boxes none",
    ),
)

PART_RULES = (
    _between("rows in every split", "rows", (1, None), "has no rows", "add some"),
    _between(
        "rows to evaluate on",
        "evaluated",
        (FEWEST_EVALUATED, None),
        f"has fewer than {FEWEST_EVALUATED} rows, too few to tell architectures apart",
        "add some",
        "warning",
    ),
    _nothing_in("several targets", "one_target", "add rows with another"),
    _nothing_in(
        "target in vocabulary",
        "outside",
        "correct those that are slips, and add training rows that have the others",
        severity="warning",
    ),
    _nothing_in("targets alike in all splits", "foreign", "write targets alike in all splits, or divide the rows anew"),
)

COLUMN_RULES = (
    Rule(
        "columns and types",
        "critical",
        "ExpectColumnPairValuesToBeEqual",
        {"column_A": "found", "column_B": "expected"},
        "{detail}",
        "run the materialise stage again",
        detail="summary",
    ),
)
