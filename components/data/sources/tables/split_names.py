"""Translate the words by which people name splits to the splits of a study."""

import re

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "development": "validation",
    "selection": "selection",
    "test": "selection",
    "testing": "selection",
    "eval": "selection",
    "evaluation": "selection",
    "gate": "gate",
}


def split_word(stem: str) -> str | None:
    """The split in a file name, if there is exactly one: "train" for "my_train-00000-of-00002"."""
    words = {SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", stem.lower()) if word in SPLIT_WORDS}
    return words.pop() if len(words) == 1 else None
