"""Whether lower is better is said, or asked where a name suggests it."""

from pathlib import Path

import pytest

from components.errors import CeterisError
from components.evaluation.score_tables.directions import is_unbounded, lower_is_better, suggests_lower

FILE = Path("FILE.csv")


@pytest.mark.parametrize(
    "name",
    ["error_rate", "top-1-error", "loss", "val_loss", "ValLoss", "valloss", "perplexity", "PPL", "wer", "CER", "test/mae",
     "MSE", "rmse", "FID", "latency", "latency_ms", "wall_seconds", "time_s", "EditDistance", "nll", "Brier", "ECE", "MedR",
     "CrossEntropy", "KL", "PER", "hallucination_rate"],
)  # fmt: skip
def test_names_that_suggest_lower(name: str) -> None:
    assert suggests_lower(name)


@pytest.mark.parametrize(
    "name",
    ["accuracy", "VQAv2", "Flickr30k IR@1", "RefCOCO+", "per_class_accuracy", "ms_coco_cider", "f1", "mAP", "BLEU-4",
     "mrr", "sentiment", "score", "recall@10", "timeless_art", "spice", "images per second"],
)  # fmt: skip
def test_names_that_suggest_nothing(name: str) -> None:
    assert not suggests_lower(name)


def test_only_some_have_no_upper_end() -> None:
    assert [is_unbounded(name) for name in ("loss", "latency_ms", "error_rate", "accuracy", "wer")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_what_was_said_counts() -> None:
    found = lower_is_better(FILE, ["loss", "neg_loss", "vqa", "odd"], ["loss", "odd"], ["neg_loss"])
    assert found == {"loss": True, "neg_loss": False, "vqa": False, "odd": True}


@pytest.mark.parametrize(
    ("lower", "higher", "sentence"),
    [
        ([], [], "FILE.csv does not say whether lower is better for loss and top error: say --lower-is-better loss "
                 "--lower-is-better 'top error' if it is, or --higher-is-better loss --higher-is-better 'top error'"),
        (["loss"], [], "whether lower is better for top error: say"),
        (["los"], [], "--lower-is-better names 'los', but the measures of FILE.csv are loss, top error, vqa."),
        ([], ["x"], "--higher-is-better names 'x'"),
        (["vqa"], ["vqa"], "Both --lower-is-better and --higher-is-better name vqa"),
    ],
)  # fmt: skip
def test_what_is_asked_and_refused(lower: list[str], higher: list[str], sentence: str) -> None:
    with pytest.raises(CeterisError) as caught:
        lower_is_better(FILE, ["loss", "top error", "vqa"], lower, higher)
    assert sentence in str(caught.value)
