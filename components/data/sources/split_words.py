"""The splits that words, or truth values, in a column of a manifest name."""

import re

from components.data.samples import GENERALISATION_PREFIX
from components.data.sources.faults import UnusableError, shown
from components.data.sources.manifest_rows import SPLIT_WORDS

_TRUTH = dict.fromkeys(("1", "true", "yes", "y", "t"), True) | dict.fromkeys(("0", "false", "no", "n", "f"), False)


def split_of(word: str, column: str = "split") -> str:
    """The split that a word in the split column names.

    Generalisation splits (`general_...`) keep their names. In a column called `is_train` or `test`, truth values tell the split:
    rows that do not train are the selection split, and rows that are in no other split train.

    Raises:
        UnusableError: it names none.
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
