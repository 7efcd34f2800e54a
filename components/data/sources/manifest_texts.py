"""The texts of a manifest as the tokenizer of a study would see them."""

from itertools import zip_longest

from components.data.sources.entries import Manifest
from components.data.sources.manifest import Scan, captions_of
from components.data.text_report import TextReport
from components.data.text_survey import TextSurvey


def measure_texts(manifest: Manifest, scan: Scan, splits: list[str], length: int | None) -> TextReport:
    """Texts as the tokenizer of a study would see them: it is built of the training texts, and limits count its tokens.

    Where rows have no texts, of the captions that are made from their targets.
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
        # The longest wording of every target, and every wording of one: together they hold all words and the greatest length.
        captions = [max(captions_of(target), key=len) for target in named] + (captions_of(named[0]) if named else [])
        for caption in captions:
            measured.count(caption)
        measured.build()
        for caption in captions:
            measured.measure(caption)
    return measured.report(length)
