"""Measure the texts of a manifest with the tokenizer that a study of it would build."""

from itertools import zip_longest

from components.data.sources.entries import Manifest
from components.data.sources.manifest import Scan, captions_of
from components.data.text_report import TextReport
from components.data.text_survey import TextSurvey


def measure_texts(manifest: Manifest, scan: Scan, splits: list[str], length: int | None) -> TextReport:
    """Build the tokenizer from the training texts and measure all texts in its tokens.

    Where rows have no texts, the captions that are made from their targets are measured.

    Args:
        length: limit of texts in tokens that the user asks for; None to propose one.
    """
    measured = TextSurvey()
    if scan.texts:
        for split, text in zip_longest(splits, manifest.texts(), fillvalue="train"):
            measured.count(text, trains=split == "train")
        measured.build()
        for text in manifest.texts():
            measured.measure(text)
    else:
        named = sorted({target for target in scan.targets if target}) if splits else []
        # The longest wording of every target and every wording of one target: these contain all words and the longest caption.
        captions = [max(captions_of(target), key=len) for target in named] + (captions_of(named[0]) if named else [])
        for caption in captions:
            measured.count(caption)
        measured.build()
        for caption in captions:
            measured.measure(caption)
    return measured.report(length)
