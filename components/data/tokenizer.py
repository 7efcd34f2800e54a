"""The tokenizer that all architectures of a study share.

Built ones are WordPiece with a vocabulary of our own counting: *training* WordPiece gives another vocabulary in every
process, counting and sorting does not. Unknown words are spelled in characters, so nothing is lost.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from components.errors import CeterisError

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUATION = "##"


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the special tokens; ids below `first_word` are special."""

    pad: int
    cls: int
    sep: int
    mask: int
    first_word: int


def word_counts(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in the texts, after normalisation."""
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    return counts


def build(counts: Counter[str], vocabulary_size: int, max_length: int) -> Tokenizer:
    """A WordPiece tokenizer of the most frequent words, with all their characters as a fallback.

    Ties are broken alphabetically, so equal counts give equal files.
    """
    characters = sorted({character for word in counts for character in word})
    pieces = [*characters, *(CONTINUATION + character for character in characters)]
    room = max(0, vocabulary_size - len(SPECIALS) - len(pieces))
    longer = sorted((word for word in counts if len(word) > 1), key=lambda word: (-counts[word], word))
    vocabulary = [*SPECIALS, *pieces, *longer[:room]]
    tokenizer = Tokenizer(
        WordPiece(
            {token: index for index, token in enumerate(vocabulary)},
            unk_token="[UNK]",
            continuing_subword_prefix=CONTINUATION,
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", SPECIALS.index("[CLS]")), ("[SEP]", SPECIALS.index("[SEP]"))]
    )
    _limit(tokenizer, max_length)
    return tokenizer


def load(source: str, max_length: int) -> Tokenizer:
    """A tokenizer by Hugging Face name or local folder.

    Raises:
        CeterisError: it cannot be had, or it lacks one of BERT's special tokens.
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
        pad=ids["[PAD]"], cls=ids["[CLS]"], sep=ids["[SEP]"], mask=ids["[MASK]"], first_word=max(ids.values()) + 1
    )


def encode(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token ids, padded, int32 (N, T); lengths with [CLS] and [SEP], int32 (N,); whether text was cut off, bool (N,)."""
    encodings = tokenizer.encode_batch(texts)
    input_ids = np.array([encoding.ids for encoding in encodings], dtype=np.int32)
    lengths = np.array([sum(encoding.attention_mask) for encoding in encodings], dtype=np.int32)
    return input_ids, lengths, np.array([bool(encoding.overflowing) for encoding in encodings])


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write `tokenizer.json` and `vocab.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    # The library writes a vocabulary in the order of its hash map: sort it by id.
    content = json.loads(tokenizer.to_str())
    if isinstance(content["model"].get("vocab"), dict):
        content["model"]["vocab"] = dict(sorted(content["model"]["vocab"].items(), key=lambda item: item[1]))
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in tokens), encoding="utf-8")
