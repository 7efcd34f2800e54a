"""The report of a survey of texts, as numbers and as sentences."""

from dataclasses import dataclass

from components.data import tokenizer as wordpiece


@dataclass(frozen=True)
class TextReport:
    """The results of a survey.

    Attributes:
        texts: number of texts that are not empty.
        empty: number of empty texts.
        distinct: number of texts that differ in more than case, white space and Unicode form.
        vocabulary_size: largest number of tokens of the vocabulary, proposed or given.
        max_length: limit of tokens of a text, with [CLS] and [SEP], proposed or given.
        middle: median number of tokens of a text, with [CLS] and [SEP]; 0 where there are no texts.
        longest: number of tokens of the longest text, with [CLS] and [SEP].
        cut: number of texts with more tokens than `max_length`.
        cut_examples: the beginnings of the longest of them, three at most.
        spelled_share: share of words that have no token of their own and are spelled in pieces.
        unknown_share: share of tokens that are [UNK].
        unknown_texts: number of texts with [UNK].
        unknown_examples: the beginnings of some of them, three at most.
        merged: number of texts with the same tokens as a different text.
        merged_example: the beginnings of two different texts with the same tokens.
        tokenizer: 'built', or the name of a loaded tokenizer.
    """

    texts: int
    empty: int
    distinct: int
    vocabulary_size: int
    max_length: int
    middle: int
    longest: int
    cut: int
    cut_examples: tuple[str, ...]
    spelled_share: float
    unknown_share: float
    unknown_texts: int
    unknown_examples: tuple[str, ...]
    merged: int
    merged_example: tuple[str, str] | None
    tokenizer: str

    @property
    def cut_share(self) -> float:
        """Share of the texts that the limit cuts."""
        return self.cut / self.texts if self.texts else 0.0

    def sentences(self) -> list[str]:
        """The report in sentences: one or two on what is there, and one for each kind of loss."""
        if not self.texts:
            return ["texts: none."]
        empty = f" and {_count(self.empty, 'empty one')}" if self.empty else ""
        first = (
            f"texts: {self.texts:,}{empty}, {self.middle:,} tokens at the middle, {self.longest:,} at most; "
            f"the limit of {self.max_length} tokens cuts "
        )
        if self.cut:
            first += f"{_percent(self.cut_share)} of them, for example '{self.cut_examples[0]}'."
        else:
            first += "none."
        said = [first]
        if self.tokenizer == wordpiece.BUILT:
            pieces = f"{_percent(self.spelled_share)} of the words are" if self.spelled_share else "no word is"
            said.append(f"words: a vocabulary of {self.vocabulary_size:,} tokens at most; {pieces} spelled in pieces.")
        if self.unknown_texts:
            said.append(
                f"{_percent(self.unknown_share)} of the tokens are unknown: {self._unknown_because()}. They stand in "
                f"{_count(self.unknown_texts, 'text')}, for example '{self.unknown_examples[0]}'."
            )
        if self.merged:
            said.append(self._merged_sentence())
        return said

    def _unknown_because(self) -> str:
        if self.tokenizer == wordpiece.BUILT:
            return "no training text holds these characters, so each is read as [UNK]"
        return f"{self.tokenizer} has no tokens for these characters; a built tokenizer (text.tokenizer: built) has"

    def _merged_sentence(self) -> str:
        pair = ", for example '{}' and '{}'".format(*self.merged_example) if self.merged_example else ""
        if self.tokenizer == wordpiece.BUILT:
            return f"{_count(self.merged, 'text')} cannot be told from others, because only unknown characters differ{pair}."
        return (
            f"{self.tokenizer} takes {_count(self.merged, 'text')} for others that differ{pair}: "
            "a built tokenizer (text.tokenizer: built) keeps them apart."
        )


def _percent(share: float) -> str:
    """A share as a percentage with one decimal; a small share above zero is not shown as zero."""
    return "less than 0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
