"""The built tokenizer: equal counts give equal bytes, nothing is unknown, Hugging Face reads it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import BertTokenizerFast

from components.data import tokenizer as wordpiece
from components.errors import CeterisError

TEXTS = ["A red circle above the blue square.", "two small stars and a digit 7", "is there a red star?"]


def build(size: int = 120, length: int = 12) -> Tokenizer:
    return wordpiece.build(wordpiece.word_counts(TEXTS), size, length)


def test_words_come_back_and_unseen_words_are_spelled() -> None:
    tokenizer = build()
    ids, lengths, cut = wordpiece.encode(tokenizer, ["a red square", "red arc"])
    special = wordpiece.special_tokens(tokenizer)
    assert ids[0, 0] == special.cls
    assert ids[0, lengths[0] - 1] == special.sep
    assert (ids[0, lengths[0] :] == special.pad).all()
    assert tokenizer.token_to_id("[UNK]") not in ids
    assert not cut.any()


def test_the_vocabulary_is_of_the_studys_texts_and_knows_no_case() -> None:
    tokenizer = build()
    words = set(wordpiece.word_counts(TEXTS))
    whole = {token for token in tokenizer.get_vocab() if token not in wordpiece.SPECIALS and len(token.lstrip("#")) > 1}
    assert whole
    assert whole <= words
    ids, lengths, _ = wordpiece.encode(tokenizer, ["a RED Square", "a red square"])
    assert (ids[0] == ids[1]).all()
    special = wordpiece.special_tokens(tokenizer)
    assert (ids[0, 0], ids[0, lengths[0] - 1]) == (special.cls, special.sep)


def test_long_texts_are_cut_and_said_to_be() -> None:
    ids, lengths, cut = wordpiece.encode(build(length=6), ["red " * 10, "red"])
    assert ids.shape == (2, 6)
    assert lengths.tolist() == [6, 3]
    assert cut.tolist() == [True, False]


def test_equal_counts_give_equal_bytes_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from components.data import tokenizer as w\n"
        f"w.save(w.build(w.word_counts({TEXTS!r}), 120, 12), Path(sys.argv[1]))"
    )
    for hash_seed in ("0", "1"):
        folder = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            check=True,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
        )
    for name in ("tokenizer.json", "vocab.txt"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_hugging_face_reads_the_vocabulary(tmp_path: Path) -> None:
    tokenizer = build()
    wordpiece.save(tokenizer, tmp_path)
    theirs = BertTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    ours, lengths, _ = wordpiece.encode(tokenizer, TEXTS)
    for row, text in enumerate(TEXTS):
        assert theirs(text)["input_ids"][: lengths[row]] == ours[row, : lengths[row]].tolist()


def test_a_saved_tokenizer_loads_by_its_folder(tmp_path: Path) -> None:
    wordpiece.save(build(), tmp_path)
    assert np.array_equal(
        wordpiece.encode(wordpiece.load(str(tmp_path), 12), TEXTS)[0], wordpiece.encode(build(), TEXTS)[0]
    )


def test_a_tokenizer_without_berts_tokens_is_refused(tmp_path: Path) -> None:
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CeterisError, match="special tokens"):
        wordpiece.load(str(tmp_path), 12)


def test_ties_are_broken_alphabetically() -> None:
    tokenizer = wordpiece.build(Counter({"bb": 2, "aa": 2, "cc": 1}), 5 + 6 + 2, 8)
    assert tokenizer.token_to_id("aa") < tokenizer.token_to_id("bb")
    assert tokenizer.token_to_id("cc") is None
