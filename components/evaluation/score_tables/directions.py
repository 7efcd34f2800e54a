"""Whether more or less of a measure is better: said by the person, or asked where the name suggests that less is."""

import re
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from components.errors import CeterisError

# Parts are found within a word (CrossEntropy, wallseconds); words stand alone; some are meant only at the end, for
# ms_coco and per_class_accuracy are neither milliseconds nor phoneme error rates.
_UNBOUNDED_PART = "loss|perplexity|latenc|seconds|distance|entropy|divergence|runtime"
_UNBOUNDED_WORD = (
    "ppl|mae|mse|rmse|rmsle|medae|fid|kid|fvd|fad|nll|bpd|bpc|bpb|kl|emd|wasserstein|crps|times?|minutes|hours|duration|"
    "delays?|dist|deviation|costs?|regret|residuals?|hausdorff|hd95|chamfer|epe|aepe|ade|fde|mpjpe|medr|meanr|mdr|mnr|flops|"
    "macs|memory|energy|carbon"
)
_UNBOUNDED_END = "ms|s|secs?|min|rank"
_BOUNDED_PART = "error|hallucinat"
_BOUNDED_WORD = (
    "errs?|wer|cer|der|eer|hter|nmse|nrmse|mape|smape|rae|rse|absrel|sqrel|lpips|jsd|brier|ece|mce|ace|sce|fpr|fnr|frr|fdr|"
    "miss|misses|missed|mistakes|failures?|forgetting|risk|penalty|toxicity|chairs|chairi|uncertainty"
)
_BOUNDED_END = "per|ter|mer|far"


def _pattern(part: str, word: str, end: str) -> "re.Pattern[str]":
    return re.compile(rf"\b(?:\w*(?:{part})\w*|(?:{word})|(?:{end})$)\b")


_UNBOUNDED = _pattern(_UNBOUNDED_PART, _UNBOUNDED_WORD, _UNBOUNDED_END)
_BOUNDED = _pattern(_BOUNDED_PART, _BOUNDED_WORD, _BOUNDED_END)


def lower_is_better(
    path: Path, measures: Collection[str], lower: Sequence[str], higher: Sequence[str]
) -> dict[str, bool]:
    """Per measure whether lower scores are better.

    Args:
        lower, higher: measures of which the person said so.

    Raises:
        CeterisError: a name is not a measure of the file, was given both ways, or suggests an answer that was not given.
    """
    for option, names in (("--lower-is-better", lower), ("--higher-is-better", higher)):
        if unknown := next((name for name in names if name not in measures), None):
            raise CeterisError(f"{option} names {unknown!r}, but the measures of {path} are {', '.join(measures)}.")
    if both := next((name for name in lower if name in higher), None):
        raise CeterisError(f"Both --lower-is-better and --higher-is-better name {both}: keep one of them.")
    open_ones = [name for name in measures if suggests_lower(name) and name not in (*lower, *higher)]
    if open_ones:
        less, more = (
            " ".join(f"{option} {shlex.quote(name)}" for name in open_ones)
            for option in ("--lower-is-better", "--higher-is-better")
        )
        names = " and ".join(open_ones)
        raise CeterisError(
            f"{path} does not say whether lower is better for {names}: say {less} if it is, or {more} if it is not."
        )
    return {name: name in lower for name in measures}


def suggests_lower(measure: str) -> bool:
    """Whether a measure of this name is usually better when it is lower."""
    return is_unbounded(measure) or any(map(_BOUNDED.search, _spellings(measure)))


def is_unbounded(measure: str) -> bool:
    """Whether a measure of this name is known to end neither at one nor at a hundred."""
    return any(map(_UNBOUNDED.search, _spellings(measure)))


def _spellings(measure: str) -> list[str]:
    """The words of a name in small letters: `ValLoss` and `val_loss` are val loss, and `MedR` may be one word or two."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", measure)
    return [" ".join(re.findall(r"[^\W_]+", spelling.lower())) for spelling in (measure, apart)]
