"""What a survey says of texts is what the tokenize stage then makes of them."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers

from components.data import tokenizer as wordpiece
from components.data.text_report import TextReport
from components.data.text_survey import TextSurvey
from components.errors import CeterisError

CHINESE = "请仔细看看这张照片,然后告诉我画面正中央的那一块方形区域主要是什么颜色的呢,第{}号?"


def survey(
    texts: Sequence[str | None],
    others: Sequence[str] = (),
    tokenizer: str = "built",
    limit: int | None = None,
    vocabulary_size: int | None = None,
    smallest: int = 100,
) -> TextReport:
    measured = TextSurvey(tokenizer, smallest)
    for text in texts:
        measured.count(text)
    for text in others:
        measured.count(text, trains=False)
    measured.build(vocabulary_size)
    for text in [*texts, *others]:
        measured.measure(text)
    return measured.report(limit)


TEXTS = st.lists(st.text("abcéか字ท☃ ?", max_size=40), max_size=30)


@given(TEXTS, TEXTS, st.integers(4, 40), st.integers(64, 90))
@settings(max_examples=150, deadline=None)
def test_it_counts_what_the_tokenizer_of_the_stage_makes_of_the_texts(
    texts: list[str], others: list[str], limit: int, size: int
) -> None:
    report = survey(texts, others, limit=limit, vocabulary_size=size)
    real = [text for text in [*texts, *others] if text.strip()]
    training = [text for text in texts if text.strip()]
    tokenizer = wordpiece.build(wordpiece.word_counts(training), size, limit)
    _, _, cut = wordpiece.encode(tokenizer, real) if real else ([], [], [])
    whole = wordpiece.build(wordpiece.word_counts(training), size, 200)
    tokens = [[token for token in whole.encode(text).tokens if token != "[PAD]"] for text in real]
    lengths = sorted(map(len, tokens))
    assert (report.texts, report.empty) == (len(real), len(texts) + len(others) - len(real))
    assert report.cut == sum(cut)
    assert report.longest == max(lengths, default=0)
    assert report.middle == (lengths[(len(lengths) - 1) // 2] if lengths else 0)
    flat = [token for row in tokens for token in row[1:-1]]
    assert report.unknown_share == pytest.approx(flat.count("[UNK]") / max(1, len(flat)))
    assert report.unknown_texts == sum("[UNK]" in row for row in tokens)
    starts = sum(not token.startswith("##") for token in flat)
    spelled = sum(after.startswith("##") and not token.startswith("##") for token, after in pairwise(flat))
    assert report.spelled_share == pytest.approx(spelled / max(1, starts))
    readings: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    words_of = wordpiece.word_splitter()
    for text, row in zip(real, tokens, strict=True):
        readings.setdefault(tuple(row), set()).add(tuple(words_of(text)))
    assert report.merged == sum(len(words) - 1 for words in readings.values())
    assert report.distinct == len({words for same in readings.values() for words in same})


def test_a_long_question_in_one_word_is_measured_in_tokens() -> None:
    report = survey([CHINESE.format(number) for number in range(60)])
    assert (report.middle, report.max_length, report.cut, report.distinct) == (44, 48, 0, 60)
    assert report.sentences()[0] == (
        "texts: 60, 44 tokens at the middle, 44 at most; the limit of 48 tokens cuts none."
    )


@pytest.mark.parametrize(
    "text",
    [
        "この写真のまんなかにみえるものはなにいろのどんなかたちをしていますか",
        "ในภาพนี้มีวงกลมสีแดงอยู่เหนือสี่เหลี่ยมสีน้ำเงินหรือไม่",
        "RTX4090-SUPER/16GB+DLSS3.5;PCIe-4.0x16:GDDR6X(384-bit)",
    ],
)
def test_no_text_without_blanks_is_cut(text: str) -> None:
    report = survey([text, "x"])
    assert len(text.split()) == 1
    assert report.longest > 20
    assert report.max_length >= report.longest
    assert report.cut == 0


@pytest.mark.parametrize(
    ("lengths", "limit"),
    [
        ({5: 100}, 16),
        ({16: 100}, 16),
        ({17: 100}, 24),
        ({10: 995, 20: 5}, 24),  # one step more spares the last
        ({10: 995, 200: 5}, 16),  # six steps more for 0.5%
        ({10: 980, 200: 20}, 256),  # 2% are more than a few
        ({10: 99, 200: 1}, 16),
        ({10: 40, 200: 1}, 256),
        ({100: 50, 900: 50}, 256),  # nothing beyond 256 unless it is asked for
    ],
)
def test_the_proposed_limit(lengths: dict[int, int], limit: int) -> None:
    texts = [" ".join(["a"] * (length - 2)) for length, count in lengths.items() for _ in range(count)]
    report = survey(texts)
    assert report.max_length == limit
    assert report.cut == sum(count for length, count in lengths.items() if length > limit)
    if report.cut:
        assert "for example 'a a a a" in report.sentences()[0]


def test_a_limit_that_is_asked_for_is_said_with_what_it_costs() -> None:
    texts = ["one two three", "Please look closely at all the small red things in the picture, and then say how many"]
    report = survey(texts, limit=10)
    assert report.cut_share == 0.5
    assert report.sentences()[0] == (
        "texts: 2, 5 tokens at the middle, 20 at most; the limit of 10 tokens cuts 50.0% of them, "
        "for example 'Please look closely at all the small red things ...'."
    )


def test_the_proposed_vocabulary_has_room_for_words_that_are_seen_often_enough() -> None:
    def texts(words: int, times: int, rows: int) -> list[str]:
        frequent = [
            f"ab{'abcdefghij'[n // 100]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n % 10]}" for n in range(words)
        ]
        return [frequent[row % words] for row in range(words * times)] + ["a"] * (rows - words * times)

    alphabet = 5 + 2 * 10
    assert survey(texts(500, 1, 2000), smallest=10).vocabulary_size == alphabet  # seen once among many
    assert survey(texts(500, 3, 2000), smallest=10).vocabulary_size == alphabet + 500
    assert survey(texts(500, 2, 1000), smallest=10).vocabulary_size == alphabet + 500  # few texts: twice is enough
    assert survey(texts(100, 1, 150), smallest=10).vocabulary_size == alphabet + 100  # hardly any: once
    assert survey(texts(100, 1, 150), smallest=2000).vocabulary_size == 2000
    every = survey(texts(500, 3, 2000), smallest=10)
    assert every.spelled_share == 0
    assert survey(texts(500, 1, 2000), smallest=10).spelled_share == pytest.approx(0.25)


def test_the_proposed_vocabulary_ends_at_8000_unless_the_characters_are_more() -> None:
    latin = ["".join(chr(97 + n // 26**place % 26) for place in range(4)) for n in range(9000)]
    assert survey(latin * 3).vocabulary_size == 8000
    ideographs = ["".join(map(chr, range(start, start + 20))) for start in range(0x4E00, 0x4E00 + 5000, 20)]
    report = survey(ideographs)
    assert report.vocabulary_size == 5 + 2 * 5000
    assert report.unknown_texts == 0


def test_unknown_characters_are_counted_and_said() -> None:
    report = survey(["a red circle", "a circle"], ["a réd circle", "a rád circle"])
    assert (report.unknown_texts, report.merged) == (2, 1)
    said = report.sentences()
    assert said[2] == (
        "13.3% of the tokens are unknown: no training text holds these characters, so each is read as [UNK]. "
        "They stand in 2 texts, for example 'a réd circle'."
    )
    assert said[3] == (
        "1 text cannot be told from others, because only unknown characters differ, for example 'a réd circle' and 'a rád circle'."
    )


def test_nothing_is_said_of_losses_where_there_are_none() -> None:
    assert survey(["a red circle", "", None, "  "]).sentences() == [
        "texts: 1 and 3 empty ones, 5 tokens at the middle, 5 at most; the limit of 16 tokens cuts none.",
        "words: a vocabulary of 100 tokens at most; no word is spelled in pieces.",
    ]
    assert survey([None, ""]).sentences() == ["texts: none."]
    assert survey([]).max_length == 16


def test_a_tokenizer_that_takes_two_texts_for_one_is_named(tmp_path: Path) -> None:
    texts = ["かきですか", "かぎですか", "かきですか", "a b"]
    uncased = wordpiece.build(wordpiece.word_counts(texts), 100, 12)
    uncased.normalizer = normalizers.BertNormalizer(lowercase=True)
    uncased.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.save(uncased, tmp_path / "uncased")
    name = str(tmp_path / "uncased")
    report = survey(texts, tokenizer=name)
    assert report.merged == 1
    assert report.sentences()[-1] == (
        f"{name} takes 1 text for others that differ, for example 'かきですか' and 'かぎですか': "
        "a built tokenizer (text.tokenizer: built) keeps them apart."
    )
    assert survey(texts).merged == 0
    strange = survey(["☃ a", "a"], tokenizer=name)
    assert any(f"{name} has no tokens for these characters" in sentence for sentence in strange.sentences())


def test_passes_in_the_wrong_order_are_refused() -> None:
    measured = TextSurvey()
    for early in (lambda: measured.measure("a"), measured.report):
        with pytest.raises(CeterisError, match="after `build`"):
            early()
    measured.count("a")
    measured.build()
    measured.measure("b")
    with pytest.raises(CeterisError, match="'b' was not counted"):
        measured.report()


def test_half_a_character_is_refused() -> None:
    measured = TextSurvey()
    measured.count("a \ud83d b")
    with pytest.raises(CeterisError, match="half a character"):
        measured.build()
