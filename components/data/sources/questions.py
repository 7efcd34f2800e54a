"""Questions about a manifest that only the user can answer: each is a sentence with the possible answers.

Every question is a critical finding; nothing is guessed. If a split is ignored, a patient is in training and test, or a text
is left out, a study means something else, and its scores would not show it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from components.data.findings import ASKED, Finding, finding
from components.data.sources.columns import ALIASES, Columns
from components.data.sources.faults import UnusableError, shown
from components.data.sources.manifest_rows import SPLIT_WORDS
from components.data.sources.manifest_settings import ManifestColumns
from components.data.sources.profile import ColumnProfile
from components.data.sources.split_words import split_of

# Words in the names of columns that may hold a split. Words of the first set count for any few values. Words of the second set
# count only if the values are truth values, numbers or words for splits.
_DIVIDES = frozenset(
    {"split", "splits", "subset", "partition", "phase", "fold", "folds", "kfold", "cv", "holdout", "tvt", "usage"}
)
_NAMES_A_SPLIT = frozenset(
    {"train", "training", "test", "testing", "val", "validation", "valid", "eval", "evaluation", "dev", "set"}
)
# Words for people or things that several pictures may show. Rows of one person or thing must stay in one split.
# fmt: off
GROUP_WORDS = frozenset({
    "animal", "author", "camera", "case", "clinic", "clip", "customer", "donor", "family", "hospital", "household",
    "location", "movie", "mrn", "owner", "participant", "patient", "person", "pid", "product", "sequence", "series",
    "session", "site", "slide", "speaker", "specimen", "study", "subj", "subject", "user", "video", "visit",
})
# fmt: on
_TRUTH = frozenset({"0", "1", "true", "false", "yes", "no"})
_TEXT_NAMES = frozenset(
    {*ALIASES["text"], "hypothesis", "sentence2", "query", "prompt", "report", "notes", "comment", "body", "abstract"}
)
_QUOTED_VALUES = 4
_MOST_SPLITS = 10


def questions(
    file: str,
    names: Sequence[str],
    columns: Columns,
    chosen: ManifestColumns,
    profiles: Mapping[str, ColumnProfile],
    named: bool,
    locate: Callable[[str], Path | None],
) -> list[Finding]:
    """The questions about one file, as findings.

    Args:
        names: all its columns.
        columns: the recognised columns.
        chosen: the columns that the user chose; nothing is asked about these.
        profiles: of all columns.
        named: whether the splits follow from the names of the files.
        locate: returns the file that a path names; None where there is none among the pictures.
    """
    unused = [profiles[name] for name in dict.fromkeys(names) if name not in columns.used]
    asked: list[tuple[str, str, str]] = []
    if chosen.split is None and columns.split is None and not named:
        asked += _each(unused, looks_like_a_split, _about_splits)
    if chosen.group is None and columns.group is None:
        asked += _each(unused, looks_like_a_group, _about_groups)
    if chosen.image is None and columns.image is not None:
        asked += _about_pictures(unused, profiles[columns.image], locate)
    if chosen.text is None:
        asked += _about_texts(unused, columns, profiles)
    if chosen.target is None and columns.target is not None:
        asked += _about_targets(unused, columns.target, profiles)
    asked += _for_missing(columns, unused)
    return [finding("critical", rule, file, [], problem, advice) for rule, problem, advice in asked]


def looks_like_a_split(column: ColumnProfile) -> bool:
    """Whether a column seems to divide rows into training and test, by its name or by its values."""
    values = {value.lower() for value in column.values}
    if column.many or not values:
        return False
    words = {SPLIT_WORDS[value] for value in values if value in SPLIT_WORDS}
    if len(words) > 1 and len(words) == len({SPLIT_WORDS.get(value, value) for value in values}):
        return True
    named = {*_words(column.name)}
    plain = bool(words) or values <= _TRUTH or all(value.isdigit() for value in values)
    few = len(values) <= _MOST_SPLITS
    return few and (
        bool(named & _DIVIDES) or column.name.strip().lower() == "set" or (plain and bool(named & _NAMES_A_SPLIT))
    )


def looks_like_a_group(column: ColumnProfile) -> bool:
    """Whether a column seems to say whom or what a row shows, with some values in several rows."""
    if not GROUP_WORDS & {*_words(column.name)} or column.shows_pictures or not column.filled:
        return False
    return column.many or (len(column.values) > 1 and len(column.values) < column.filled)


def _words(name: str) -> list[str]:
    """The words of a column's name: "patientID" and "patient_id" hold "patient"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[^a-zA-Z]+", spaced) if word]
    return [word.lower().removesuffix("id") or word.lower() for word in words] + [word.lower() for word in words]


def _each(
    columns: Iterable[ColumnProfile],
    suspect: Callable[[ColumnProfile], bool],
    ask: Callable[[ColumnProfile], tuple[str, str, str]],
) -> list[tuple[str, str, str]]:
    return [ask(column) for column in columns if suspect(column)]


def _about_splits(column: ColumnProfile) -> tuple[str, str, str]:
    follow = f"say --split {_argument(column.name)} to follow it"
    if not _can_be_followed(column):
        follow = "make a column of train and test from it and name that with --split"
    return (
        ASKED + "split",
        f"has no column 'split', and its column {column.name!r} looks like one ({_values(column)})",
        f"{follow}, or say --split none to have splits made",
    )


def _can_be_followed(column: ColumnProfile) -> bool:
    """Whether every value of a column names a split for `split_words.split_of`, and at least one names training."""
    try:
        return "train" in {split_of(value, column.name) for value in column.values}
    except UnusableError:
        return False


def _about_groups(column: ColumnProfile) -> tuple[str, str, str]:
    return (
        ASKED + "group",
        f"has no column 'group', and its column {column.name!r} seems to say which rows belong together ({_values(column)})",
        f"say --group {_argument(column.name)} to keep them in one split, or --group none if rows may be parted",
    )


def _about_pictures(
    unused: Sequence[ColumnProfile], used: ColumnProfile, locate: Callable[[str], Path | None]
) -> list[tuple[str, str, str]]:
    """Ask about columns of second pictures: bytes, or files that exist and differ from a row's first picture."""
    asked = []
    for column in unused:
        if column.binary or (column.shows_pictures and _are_others(column, used, locate)):
            problem = f"has pictures in the column {column.name!r} beside {used.name!r}, and a row has one picture here"
            ways = f"--image {_argument(used.name)} or --image {_argument(column.name)}"
            asked.append((ASKED + "image", problem, f"say {ways}: the other is then left out"))
    return asked


def _are_others(column: ColumnProfile, used: ColumnProfile, locate: Callable[[str], Path | None]) -> bool:
    firsts = used.first or [""] * len(column.first)
    found = [(locate(first), locate(other)) for first, other in zip(firsts, column.first, strict=False) if other]
    return any(other is not None and other != first for first, other in found)


def _about_texts(
    unused: Sequence[ColumnProfile], columns: Columns, profiles: Mapping[str, ColumnProfile]
) -> list[tuple[str, str, str]]:
    """Ask about unused columns of texts, where the text column is empty or nearly so, or does not exist."""
    used = profiles[columns.text] if columns.text else None
    if used is not None and 10 * used.filled >= used.rows:
        return []
    better = [column for column in unused if _could_be_text(column)]
    if not better:
        return []
    have = (
        f"has a column {used.name!r} that is {'empty' if not used.filled else 'nearly empty'}"
        if used
        else "has no column for the text"
    )
    ways = [f"--text {_argument(column.name)}" for column in better[:_QUOTED_VALUES]]
    return [
        (
            ASKED + "text",
            f"{have}, and texts in {' and '.join(f'{column.name!r} ({column.described()})' for column in better[:_QUOTED_VALUES])}",
            f"say {', '.join(ways)} to read it, or --text none to leave texts out",
        )
    ]


def _could_be_text(column: ColumnProfile) -> bool:
    by_name = column.name.strip().lower() in _TEXT_NAMES and 2 * column.filled > column.rows
    return not column.shows_pictures and not column.structures and (column.holds_sentences or by_name)


def _about_targets(
    unused: Sequence[ColumnProfile], used: str, profiles: Mapping[str, ColumnProfile]
) -> list[tuple[str, str, str]]:
    """Ask about several columns that could be the target, unless they correspond one to one, as names and numbers do."""
    mine = profiles[used]
    rivals = [column for column in unused if _is_called_a_target(column) and not mine.names(column)]
    if not rivals or used.strip().lower() in ("target", "answer"):
        return []
    several = [f"{column.name!r} ({_values(column)})" for column in (mine, *rivals)]
    ways = [f"--target {_argument(column.name)}" for column in (mine, *rivals)]
    return [
        (
            ASKED + "target",
            f"has several columns that could be the target: {' and '.join(several)}",
            f"say {' or '.join(ways)}",
        )
    ]


def _is_called_a_target(column: ColumnProfile) -> bool:
    return column.name.strip().lower() in ALIASES["target"] and column.filled > 0


def _for_missing(columns: Columns, unused: Sequence[ColumnProfile]) -> list[tuple[str, str, str]]:
    """Ask which columns are the image and the target, where no column has such a name."""
    found = []
    if columns.image is None and (likely := [column.name for column in unused if column.shows_pictures]):
        ways = " or ".join(f"--image {_argument(name)}" for name in likely[:_QUOTED_VALUES])
        found.append(
            (ASKED + "image", f"seems to have its pictures in {' and '.join(map(repr, likely))}", f"say {ways}")
        )
    if columns.target is None:
        likely = [
            column.name
            for column in unused
            if column.repeats and not column.shows_pictures and not looks_like_a_split(column)
        ]
        if likely:
            ways = " or ".join(f"--target {_argument(name)}" for name in likely[:_QUOTED_VALUES])
            found.append((ASKED + "target", f"may have its target in {' or '.join(map(repr, likely))}", f"say {ways}"))
    return found


def _values(column: ColumnProfile) -> str:
    """The values of a column with their counts, most frequent first: "'train' 60, 'test' 30"."""
    first = [f"{shown(value[:40])} {count:,}" for value, count in column.values.most_common(_QUOTED_VALUES)]
    return ", ".join(first) + (", ..." if column.many or len(column.values) > _QUOTED_VALUES else "")


def _argument(name: str) -> str:
    """A column's name, quoted for a shell."""
    return name if re.fullmatch(r"[\w.-]+", name) else "'" + name.replace("'", "'\\''") + "'"
