"""Translate the words or truth values of a split column to splits."""

import re

from components.data.samples import GENERALISATION_PREFIX
from components.data.sources.faults import UnusableError, shown
from components.data.sources.manifest_rows import SPLIT_WORDS

_TRUTH = dict.fromkeys(("1", "true", "yes", "y", "t"), True) | dict.fromkeys(("0", "false", "no", "n", "f"), False)


def split_of(word: str, column: str = "split") -> str:
    """The split that a word in the split column names.

    Generalisation splits (`general_...`) keep their names. In a column named after a split, such as `is_train` or `test`, truth
    values are read: true means that split; false means `selection` if the column is about training, otherwise `train`.

    Raises:
        UnusableError: the word names no split.
    """
    lowered = word.lower()
    if lowered.startswith(GENERALISATION_PREFIX) and lowered.replace("_", "").isalnum():
        return lowered
    if lowered in SPLIT_WORDS:
        return SPLIT_WORDS[lowered]
    meant = SPLIT_WORDS.get(re.sub(r"^is[_ -]?", "", column.strip().lower()))
    if meant is not None and lowered in _TRUTH:
        return meant if _TRUTH[lowered] else ("selection" if meant == "train" else "train")
    raise UnusableError(
        "split",
        "names a split that is not known",
        f"use one of {', '.join(dict.fromkeys(SPLIT_WORDS))}, or say --split none to have splits made",
        shown(word),
    )
