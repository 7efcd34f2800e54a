"""Survey texts before a study of them is made: propose a vocabulary and a length limit, and measure what they lose.

There are two passes, so that no text has to be kept: one counts words, the other counts the tokens of the tokenizer that is
built from these words.

    survey = TextSurvey()
    for row in rows:
        survey.count(row.text, trains=row.split == "train")
    survey.build()
    for row in rows:
        survey.measure(row.text)
    print("\\n".join(survey.report().sentences()))
"""

import heapq
from collections import Counter

import numpy as np
from tokenizers import Tokenizer

from components.data import tokenizer as wordpiece
from components.data.text_report import TextReport
from components.errors import CeterisError

LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
# The limit may cut this share of texts if cutting none would take more than one step up in `LENGTHS`.
MOST_CUT = 0.01
MOST_TOKENS = 8000  # of a proposed vocabulary, unless the characters alone need more
# (texts, times): with at least so many training texts, a word gets its own token if it occurs at least so many times.
_SEEN = ((2000, 3), (200, 2), (0, 1))
_AT_ONCE = 200_000  # characters of different texts that are processed together
_REMEMBERED = 20_000  # beginnings of texts, so that an example can be shown
_SHOWN = 3
_QUOTED = 48  # characters of an example


class TextSurvey:
    """Counts the words of texts, proposes a vocabulary and a length limit, and measures what they lose.

    Args:
        tokenizer: 'built', as the tokenize stage builds it from training texts, or a Hugging Face name or local folder.
        smallest_vocabulary: the smallest size of a proposed vocabulary, in tokens.
    """

    def __init__(self, tokenizer: str = wordpiece.BUILT, smallest_vocabulary: int = 2000) -> None:
        self._source = tokenizer
        self._smallest = smallest_vocabulary
        self._words_of = wordpiece.word_splitter()
        # Equal texts are processed once.
        self._waiting: Counter[tuple[str, bool]] = Counter()
        self._waiting_size = 0
        self._words: Counter[str] = Counter()  # of training texts
        self._texts = self._trained = self._empty = 0
        # Hashes are kept instead of texts and of lists of words and tokens.
        self._words_of_text: dict[int, int] = {}
        self._words_of_tokens: dict[int, int] = {}
        self._beginnings: dict[int, str] = {}  # by words
        self._tokenizer: Tokenizer | None = None
        self._vocabulary_size = smallest_vocabulary
        self._lengths: Counter[int] = Counter()
        self._tokens = self._unknown = self._unknown_texts = self._starts = self._spelled = 0
        self._unknown_examples: list[str] = []
        self._longest: list[tuple[int, str]] = []
        self._merged: set[int] = set()
        self._merged_example: tuple[str, str] | None = None

    def count(self, text: str | None, trains: bool = True) -> None:
        """First pass: add one text. `trains` says whether it is a training text; only these make the vocabulary.

        Raises:
            CeterisError: the text is no valid Unicode.
        """
        if not text or text.isspace():
            self._empty += 1
            return
        if self._wait(text, trains):
            self._count_waiting()

    def _wait(self, text: str, trains: bool) -> bool:
        """Add a text to the waiting ones; returns whether enough are waiting to be processed."""
        if (text, trains) not in self._waiting:
            self._waiting_size += len(text)
        self._waiting[text, trains] += 1
        return self._waiting_size >= _AT_ONCE

    def _count_waiting(self) -> None:
        for (text, trains), times in self._waiting.items():
            words = self._read(text)
            self._texts += times
            self._words_of_text[hash(text)] = hash(tuple(words))
            if trains:
                self._trained += times
                for word in words:
                    self._words[word] += times
        self._release()

    def _read(self, text: str) -> list[str]:
        try:
            return self._words_of(text)
        except (TypeError, UnicodeEncodeError):  # Python's strings may hold lone surrogates
            raise CeterisError(f"the text {_beginning(text)!r} holds half a character: save it as UTF-8.") from None

    def _release(self) -> None:
        self._waiting.clear()
        self._waiting_size = 0

    def build(self, vocabulary_size: int | None = None) -> None:
        """End the first pass: choose the size of the vocabulary, unless it is given, and build or load the tokenizer.

        Raises:
            CeterisError: the named tokenizer cannot be loaded, or lacks one of BERT's special tokens.
        """
        self._count_waiting()
        self._vocabulary_size = vocabulary_size or self._proposed_vocabulary()
        if self._source == wordpiece.BUILT:
            self._tokenizer = wordpiece.build(self._words, self._vocabulary_size, LENGTHS[-1])
        else:
            self._tokenizer = wordpiece.load(self._source, LENGTHS[-1])
        # Texts are measured at their full length.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        tokens = self._tokenizer.get_vocab()
        self._continues = np.zeros(1 + max(tokens.values()), dtype=bool)
        self._continues[[i for token, i in tokens.items() if token.startswith(wordpiece.CONTINUATION)]] = True
        self._special = wordpiece.special_tokens(self._tokenizer)

    def _proposed_vocabulary(self) -> int:
        """Room for every word that occurs often enough, between the smallest size and `MOST_TOKENS`."""
        fewest = next(times for texts, times in _SEEN if self._trained >= texts)
        characters = wordpiece.fewest_tokens(self._words)
        wanted = characters + sum(times >= fewest for word, times in self._words.items() if len(word) > 1)
        return max(self._smallest, min(MOST_TOKENS, wanted), characters)

    def measure(self, text: str | None) -> None:
        """Second pass: measure one text again, whether it is a training text or not.

        Raises:
            CeterisError: the first pass has not ended, or has not seen this text.
        """
        if self._tokenizer is None:
            raise CeterisError("texts are measured after `build`, which ends the first pass.")
        if not text or text.isspace():
            return
        if self._wait(text, True):
            self._measure_waiting()

    def _measure_waiting(self) -> None:
        if not self._waiting:
            return
        assert self._tokenizer is not None
        texts, times = [text for text, _ in self._waiting], np.array(list(self._waiting.values()))
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        lengths = np.array([len(ids) for ids in encoded])
        ids, weights = np.concatenate(encoded), np.repeat(times, lengths)
        unknown = ids == self._special.unknown
        words = (ids >= self._special.first_word) | unknown
        starts = words & ~self._continues[ids]
        self._tokens += int(weights[words].sum())
        self._unknown += int(weights[unknown].sum())
        self._starts += int(weights[starts].sum())
        # [SEP] ends every text, so a word never seems to continue in the next text.
        self._spelled += int(weights[:-1][starts[:-1] & self._continues[ids[1:]]].sum())
        holds = np.logical_or.reduceat(unknown, np.cumsum(lengths) - lengths)
        self._unknown_texts += int(times[holds].sum())
        for row in np.flatnonzero(holds)[: _SHOWN - len(self._unknown_examples)]:
            self._unknown_examples.append(_beginning(texts[row]))
        for length, count in zip(lengths.tolist(), times.tolist(), strict=True):
            self._lengths[length] += count
        beginnings = {(length, _beginning(text)) for length, text in zip(lengths.tolist(), texts, strict=True)}
        self._longest = heapq.nlargest(_SHOWN, beginnings | set(self._longest))
        self._compare(texts, encoded)
        self._release()

    def _compare(self, texts: list[str], encoded: list[list[int]]) -> None:
        """Find texts with different words but equal tokens."""
        for text, ids in zip(texts, encoded, strict=True):
            words = self._words_of_text.get(hash(text))
            if words is None:
                raise CeterisError(f"the text {_beginning(text)!r} was not counted before it was measured.")
            first = self._words_of_tokens.setdefault(hash(tuple(ids)), words)
            if first != words:
                self._merged.add(words)
                if self._merged_example is None and first in self._beginnings:
                    self._merged_example = (self._beginnings[first], _beginning(text))
            elif len(self._beginnings) < _REMEMBERED:
                self._beginnings.setdefault(words, _beginning(text))

    def report(self, max_length: int | None = None) -> TextReport:
        """End the second pass.

        Args:
            max_length: the limit in tokens; None to propose one.

        Raises:
            CeterisError: the first pass has not ended.
        """
        if self._tokenizer is None:
            raise CeterisError("a survey of texts reports after `build`, which ends the first pass.")
        self._measure_waiting()
        limit = max_length or self._proposed_length()
        return TextReport(
            texts=self._texts,
            empty=self._empty,
            distinct=len(set(self._words_of_text.values())),
            vocabulary_size=self._vocabulary_size,
            max_length=limit,
            middle=self._middle(),
            longest=max(self._lengths, default=0),
            cut=self._cut(limit),
            cut_examples=tuple(beginning for length, beginning in self._longest if length > limit),
            spelled_share=self._spelled / max(1, self._starts),
            unknown_share=self._unknown / max(1, self._tokens),
            unknown_texts=self._unknown_texts,
            unknown_examples=tuple(self._unknown_examples),
            merged=len(self._merged),
            merged_example=self._merged_example,
            tokenizer=self._source,
        )

    def _cut(self, limit: int) -> int:
        return sum(count for length, count in self._lengths.items() if length > limit)

    def _middle(self) -> int:
        passed, half = 0, sum(self._lengths.values()) / 2
        for length in sorted(self._lengths):
            passed += self._lengths[length]
            if passed >= half:
                return length
        return 0

    def _proposed_length(self) -> int:
        """The smallest limit that cuts no text; if it is two or more steps above the one that cuts few texts, the latter."""
        total, last = sum(self._lengths.values()), len(LENGTHS) - 1
        cut = [self._cut(limit) for limit in LENGTHS]
        none = next((step for step in range(last) if cut[step] == 0), last)
        few = next((step for step in range(last) if cut[step] <= MOST_CUT * total), last)
        return LENGTHS[none if none - few <= 1 else few]


def _beginning(text: str) -> str:
    """The beginning of a text, on one line, for examples."""
    shown = " ".join(text[: _QUOTED + 1].split())
    return shown if len(text) <= _QUOTED else f"{shown[:_QUOTED].rstrip()} ..."
