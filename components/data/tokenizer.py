"""The tokenizer that all arms of a study share.

A built tokenizer is WordPiece with a vocabulary of the most frequent words. The words are counted and sorted here, because
*training* WordPiece gives another vocabulary in every process. Unknown words are spelled in characters, so nothing is lost:
texts that differ in an accent, a vowel mark, a tone or a joiner give different tokens. Only these are dropped: case, the
Unicode form of equal characters, white space beside punctuation, and invisible characters without meaning.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from components.errors import CeterisError

BUILT = "built"  # value of `text.tokenizer`: build one from the training texts
UNKNOWN = "[UNK]"
SPECIALS = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]", "[MASK]")
CONTINUATION = "##"

# Invisible characters that separate words: the zero-width space, as used in Khmer and Thai, and the ASCII separators.
_PARTING = r"[\x{200b}\x{1c}-\x{1f}]"
# Invisible characters without meaning: control characters, the soft hyphen, marks of direction, the word joiner, the byte
# order mark. The joiners U+200C and U+200D and the variation selectors have a meaning and stay.
_INVISIBLE = (
    r"[\x{0}-\x{8}\x{e}-\x{1b}\x{7f}-\x{84}\x{86}-\x{9f}\x{ad}\x{61c}\x{200e}\x{200f}"
    r"\x{202a}-\x{202e}\x{2060}\x{2066}-\x{206f}\x{feff}]"
)
# Scripts that are written without blanks. Each of their characters, with its marks, counts as a word, as Chinese characters
# do in BERT. Otherwise a whole sentence would be one word: it would be masked whole and could not be spelled.
_UNSPACED_SCRIPTS = "Hiragana Katakana Thai Lao Khmer Myanmar Tai_Le New_Tai_Lue Tai_Tham Tai_Viet"
_UNSPACED = "".join(rf"\p{{{script}}}" for script in _UNSPACED_SCRIPTS.split())
# WordPiece reads a longer word as [UNK], and the time for spelling grows with the square of the length.
LONGEST_WORD = 100


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the special tokens; ids below `first_word` are special."""

    pad: int
    unknown: int
    cls: int
    sep: int
    mask: int
    first_word: int


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs in the texts, after normalisation."""
    words_of = word_splitter()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    return counts


def word_splitter() -> Callable[[str], list[str]]:
    """A function that splits a text into words as built tokenizers do."""
    normalizer, splitter = _normalizer(), _splitter()
    return lambda text: [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]


def _normalizer() -> Normalizer:
    """Lower case, one Unicode form, blanks around Chinese characters, no invisible characters without meaning."""
    return normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(_PARTING), " "),
            normalizers.Replace(Regex(_INVISIBLE), ""),
            normalizers.BertNormalizer(
                clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=True
            ),
            # A lower-case letter may have a composed form where the upper-case letter has none.
            normalizers.NFC(),
        ]
    )


def _splitter(known: Iterable[str] | None = None) -> PreTokenizer:
    """Splits texts into words at blanks and punctuation.

    Args:
        known: the characters of the vocabulary. Any other character becomes a word of its own, so that only this character
            is read as [UNK] and not the word around it.
    """
    steps: list[PreTokenizer] = [pre_tokenizers.BertPreTokenizer()]
    if known is not None:
        steps.append(pre_tokenizers.Split(Regex(rf"[^\s{_ranges(known)}]"), "isolated"))
    clusters = rf"[{_UNSPACED}][\p{{M}}\x{{200c}}\x{{200d}}]*|[^{_UNSPACED}]{{{LONGEST_WORD}}}"
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.Split(Regex(clusters), "isolated")])


def _ranges(characters: Iterable[str]) -> str:
    """Characters as ranges for a regular expression: a, b, c and x become `\\x{61}-\\x{63}\\x{78}-\\x{78}`."""
    runs: list[list[int]] = []
    for point in sorted(map(ord, characters)):
        if runs and point == runs[-1][1] + 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in runs)


def build(counts: Counter[str], vocabulary_size: int, max_length: int) -> Tokenizer:
    """A WordPiece tokenizer of the most frequent words, with all their characters as a fallback.

    Ties are broken alphabetically, so equal counts give equal files.
    """
    characters = _characters(counts)
    pieces = [*characters, *(CONTINUATION + character for character in characters)]
    room = max(0, vocabulary_size - len(SPECIALS) - len(pieces))
    longer = sorted((word for word in counts if len(word) > 1), key=lambda word: (-counts[word], word))
    vocabulary = [*SPECIALS, *pieces, *longer[:room]]
    tokenizer = Tokenizer(
        WordPiece(
            {token: index for index, token in enumerate(vocabulary)},
            unk_token=UNKNOWN,
            continuing_subword_prefix=CONTINUATION,
        )
    )
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = _splitter(characters)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", SPECIALS.index("[CLS]")), ("[SEP]", SPECIALS.index("[SEP]"))]
    )
    _limit(tokenizer, max_length)
    return tokenizer


def fewest_tokens(counts: Counter[str]) -> int:
    """Number of tokens that `build` always makes: the special ones, and each character alone and as a continuation."""
    return len(SPECIALS) + 2 * len(_characters(counts))


def _characters(counts: Counter[str]) -> list[str]:
    return sorted({character for word in counts for character in word})


def load(source: str, max_length: int) -> Tokenizer:
    """A tokenizer by Hugging Face name or local folder.

    Raises:
        CeterisError: it cannot be loaded, or it lacks one of BERT's special tokens.
    """
    path = Path(source) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else Tokenizer.from_pretrained(source)
    except Exception as error:  # tokenizers raises bare exceptions
        raise CeterisError(f"text.tokenizer: no tokenizer can be had from {source!r} ({error}).") from None
    if missing := [token for token in SPECIALS if tokenizer.token_to_id(token) is None]:
        raise CeterisError(
            f"text.tokenizer: {source!r} lacks the special tokens {', '.join(missing)}: use a BERT tokenizer."
        )
    _limit(tokenizer, max_length)
    return tokenizer


def _limit(tokenizer: Tokenizer, max_length: int) -> None:
    tokenizer.enable_truncation(max_length)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]"), pad_token="[PAD]", length=max_length)


def special_tokens(tokenizer: Tokenizer) -> SpecialTokens:
    """Ids of the special tokens."""
    ids = {token: tokenizer.token_to_id(token) or 0 for token in SPECIALS}
    return SpecialTokens(
        pad=ids["[PAD]"],
        unknown=ids[UNKNOWN],
        cls=ids["[CLS]"],
        sep=ids["[SEP]"],
        mask=ids["[MASK]"],
        first_word=max(ids.values()) + 1,
    )


def encode(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Padded token ids int32 (N, T), lengths with [CLS] and [SEP] int32 (N,), and whether each text was cut bool (N,)."""
    encodings = tokenizer.encode_batch(texts)
    input_ids = np.array([encoding.ids for encoding in encodings], dtype=np.int32)
    lengths = np.array([sum(encoding.attention_mask) for encoding in encodings], dtype=np.int32)
    return input_ids, lengths, np.array([bool(encoding.overflowing) for encoding in encodings])


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `tokenizer.json` and `vocab.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    # The library writes the vocabulary in the order of its hash map, so it is sorted by id.
    content = json.loads(tokenizer.to_str())
    if isinstance(content["model"].get("vocab"), dict):
        content["model"]["vocab"] = dict(sorted(content["model"]["vocab"].items(), key=lambda item: item[1]))
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in tokens), encoding="utf-8")
