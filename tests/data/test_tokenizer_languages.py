"""Built tokenizers and the world's scripts: what differs stays different, what is equal stays equal, nothing is lost in silence."""

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from components.data import tokenizer as wordpiece
from components.data.corruption import IGNORED, mask_tokens
from components.data.scenes.captions import caption
from components.data.scenes.items import draw_items
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.world import LAWS, draw_scene

NLVR = Path(__file__).resolve().parents[2].parent / "shared/data/nlvr"
# Soft hyphen, Arabic letter mark, marks of direction, word joiner, deprecated format characters, byte order mark.
MEANS_NOTHING = {0xAD, 0x61C, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x2070)}
PARTS_WORDS = {0x200B, 0x1C, 0x1D, 0x1E, 0x1F}
YOUNG = {0x11938}  # its decomposition is younger than the library's tables


def build(texts: list[str], size: int = 64, length: int = 400) -> Tokenizer:
    return wordpiece.build(wordpiece.word_counts(texts), size, length)


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    encoding = tokenizer.encode(text)
    assert not encoding.overflowing
    return encoding.ids[: sum(encoding.attention_mask)]


def folded(text: str) -> str:
    """What may be equal: letters of either case, and Unicode's forms of equal characters."""
    small = "".join(character.lower() for character in unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", small)


def dropped(character: str) -> bool:
    """White space and what is invisible and means nothing."""
    return (
        character.isspace() or unicodedata.category(character) == "Cc" or ord(character) in MEANS_NOTHING | PARTS_WORDS
    )


# Assigned characters; what is dropped has a test of its own.
VISIBLE = st.characters(exclude_categories=["Cs", "Cn", "Cc"]).filter(
    lambda character: not dropped(character) and ord(character) not in YOUNG
)
# Of scripts that part words with blanks, with their marks.
SPACED = st.sampled_from("aäáßçñıiøďżđơéαάςωбйёעִאָابتپिकामलநலாக강가ሀሁე́̈\u200c\u200d'-#?")


@st.composite
def near(draw: st.DrawFn, alphabet: st.SearchStrategy[str]) -> tuple[str, str]:
    """Two texts, the second made from the first by a change or two."""
    one = draw(st.text(alphabet, min_size=1, max_size=12))
    other = list(one)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(other)))
        other[place : place + draw(st.integers(0, 2))] = draw(st.text(alphabet, max_size=2))
    return one, "".join(other)


@given(near(VISIBLE))
@settings(max_examples=400, deadline=None)
def test_texts_that_differ_in_any_character_have_different_tokens(texts: tuple[str, str]) -> None:
    one, other = texts
    tokenizer = build([one, other])
    unknown = wordpiece.special_tokens(tokenizer).unknown
    assert unknown not in ids(tokenizer, one) + ids(tokenizer, other)
    if folded(one) != folded(other):
        assert ids(tokenizer, one) != ids(tokenizer, other)


@given(near(st.one_of(SPACED, st.just(" "))))
@settings(max_examples=400, deadline=None)
def test_texts_that_differ_in_their_words_have_different_tokens(texts: tuple[str, str]) -> None:
    """Blanks part words, except beside punctuation, where they mean nothing to BERT."""

    def words(text: str) -> list[str]:
        parted = "".join(f" {character} " if character in "'-#?" else character for character in folded(text))
        return parted.split()

    one, other = texts
    tokenizer = build([one, other])
    assert (ids(tokenizer, one) == ids(tokenizer, other)) == (words(one) == words(other))


@given(st.text(VISIBLE, min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_unicode_forms_of_one_text_have_equal_tokens(text: str) -> None:
    tokenizer = build([text])
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert [ids(tokenizer, form) for form in forms] == [ids(tokenizer, text)] * 2


def test_no_character_vanishes_but_those_that_mean_nothing() -> None:
    """All of Unicode but private characters, between two letters."""
    words_of = wordpiece.word_splitter()
    for character in map(chr, range(0x110000)):
        if unicodedata.category(character) not in ("Cs", "Cn", "Co"):
            read = words_of(f"a{character}b")
            if dropped(character):
                parts = character.isspace() or ord(character) in PARTS_WORDS
                assert read == (["a", "b"] if parts else ["ab"]), hex(ord(character))
            else:
                assert "".join(read) == folded(f"a{character}b"), hex(ord(character))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("かきですか", "かぎですか"),  # Japanese: a voiced mark
        ("ハス", "パス"),
        ("ｶｷ", "カキ"),  # half-width forms stay what they are
        ("कल", "काल"),  # Hindi: a vowel sign
        ("फल", "फ़ल"),  # a dot below
        ("เสือ", "เสื้อ"),  # Thai: a tone
        ("ma", "mả"),  # Vietnamese: tones
        ("mã", "mạ"),
        ("عَلِمَ", "عُلِمَ"),  # Arabic: short vowels
        ("שָׁלוֹם", "שָׂלוֹם"),  # Hebrew: points
        ("schon", "schön"),
        ("Busse", "Buße"),
        ("pêche", "péché"),
        ("kıl", "kil"),  # Turkish: the dotless i
        ("νόμος", "νομός"),  # Greek: the accent
        ("감", "강"),  # Korean: the last jamo
        ("பல்", "பால்"),  # Tamil: a vowel sign
        ("က", "ကား"),  # Burmese: a vowel and a tone
        ("ကျ", "ကြ"),
        ("ខ្មែរ", "ខែរ"),  # Khmer: a subscript consonant
        ("می\u200cخواهم", "میخواهم"),  # Persian: the non-joiner
        ("क्\u200dष", "क्ष"),  # Hindi: the joiner
        ("👩\u200d👧", "👩👧"),  # an emoji sequence
        ("葛\U000e0100城", "葛城"),  # a variation selector in a name
        ("ＡＢ", "AB"),  # full-width forms
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),  # flags made of tags
    ],
)
@pytest.mark.parametrize("frame", ["{}", "{}?", "x {} y", "x{}y"])
def test_languages(one: str, other: str, frame: str) -> None:
    one, other = frame.format(one), frame.format(other)
    tokenizer = build([one, other])
    assert ids(tokenizer, one) != ids(tokenizer, other)
    for text in (one, other):
        assert ids(tokenizer, unicodedata.normalize("NFD", text)) == ids(tokenizer, text)
        assert wordpiece.special_tokens(tokenizer).unknown not in ids(tokenizer, text)


@pytest.mark.parametrize(
    "text",
    [
        "请仔细看看这张照片然后告诉我画面正中央的那一块方形区域主要是什么颜色的呢" * 4,
        "この写真のまんなかにみえるものはなにいろのどんなかたちをしていますか" * 4,
        "ในภาพนี้มีวงกลมสีแดงอยู่เหนือสี่เหลี่ยมสีน้ำเงินหรือไม่" * 4,
        "តើមានរង្វង់ពណ៌ក្រហមនៅខាងលើការ៉េពណ៌ខៀវដែរឬទេ" * 4,
        "ဤပုံတွင်အနီရောင်စက်ဝိုင်းရှိပါသလား" * 4,
        "ມີວົງມົນສີແດງຢູ່ເທິງສີ່ຫຼ່ຽມສີຟ້າບໍ" * 4,
        "Donaudampfschifffahrtsgesellschaftskapitän" * 9,
        "RTX4090-SUPER/16GB" * 20,
        "x" * 1001,
    ],
)
def test_a_long_text_without_blanks_is_spelled(text: str) -> None:
    tokenizer = build([text], size=8, length=2000)
    assert wordpiece.special_tokens(tokenizer).unknown not in ids(tokenizer, text)
    # The last character counts too.
    assert ids(tokenizer, text[:-1]) != ids(tokenizer, text)
    # In scripts without blanks a word is a character with its marks, so masking whole words leaves the rest of a sentence.
    longest = max(map(len, wordpiece.word_counts([text])))
    assert longest <= (6 if text[0] > "\u0e00" else wordpiece.LONGEST_WORD)


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_masking_whole_words_leaves_the_rest_of_a_sentence_without_blanks(seed: int) -> None:
    text = "ในภาพนี้มีวงกลมสีแดงอยู่เหนือสี่เหลี่ยมสีน้ำเงินหรือไม่ donaudampfschiff"
    tokenizer = build([text], size=8, length=80)
    special, tokens = wordpiece.special_tokens(tokenizer), tokenizer.get_vocab()
    continues = np.zeros(len(tokens), dtype=bool)
    continues[[index for token, index in tokens.items() if token.startswith(wordpiece.CONTINUATION)]] = True
    input_ids, lengths, _ = wordpiece.encode(tokenizer, [text])
    generator = np.random.default_rng(seed)
    _, labels = mask_tokens(
        input_ids, lengths, generator, 0.15, special.mask, special.first_word, len(tokens), continues
    )
    chosen, real = labels[0] != IGNORED, np.arange(80) < lengths[0]
    assert 0 < chosen.sum() < 0.75 * lengths[0]
    # A token that continues a word is chosen with the token before it.
    after = np.flatnonzero(real[1:] & continues[input_ids[0, 1:]]) + 1
    assert len(after) > 15
    assert np.array_equal(chosen[after], chosen[after - 1])


@given(st.text("abcàéñ", min_size=1), st.text("abcàéñкдかきそท字 ", min_size=1, max_size=30))
def test_each_unseen_character_is_one_unknown_token(seen: str, asked: str) -> None:
    tokenizer = build([seen])
    unknown = wordpiece.special_tokens(tokenizer).unknown
    assert ids(tokenizer, asked).count(unknown) == sum(c not in seen and c != " " for c in asked)


def test_a_word_around_an_unseen_character_stays_known() -> None:
    tokenizer = build(["red circle"], size=100)
    assert tokenizer.encode("red☃circle").tokens[:5] == ["[CLS]", "red", "[UNK]", "circle", "[SEP]"]


def test_special_tokens_in_a_text_are_plain_text() -> None:
    tokenizer = build(["[SEP] [MASK] [UNK] [pad]"])
    special = wordpiece.special_tokens(tokenizer)
    assert not {special.pad, special.unknown, special.mask} & set(ids(tokenizer, "[SEP] [MASK] [UNK] [PAD]"))
    assert ids(tokenizer, "[SEP]").count(special.sep) == 1


def as_before(texts: list[str], size: int, length: int) -> Tokenizer:
    """BERT's own normalisation, which strips accents and marks."""
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    assert counts == wordpiece.word_counts(texts)
    tokenizer = wordpiece.build(counts, size, length)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    return tokenizer


def scenes_texts(split: str, number: int) -> list[str]:
    items = [item for pair in range(number) for item in draw_items(7, split, pair)]
    texts = [sample.text for item in items for samples in item.samples.values() for sample in samples]
    streams = (SceneRandom(7, "text", split, index) for index in range(number))
    return texts + [caption(draw_scene(stream, LAWS[split]), stream, LAWS[split])[0] for stream in streams]


@pytest.mark.parametrize(("size", "length"), [(2000, 24), (400, 24)], ids=["default study", "smoke study"])
def test_plain_english_is_read_as_before(size: int, length: int) -> None:
    training = scenes_texts("train", 400)
    texts = training + [text for split in LAWS for text in scenes_texts(split, 60)]
    before, now = as_before(training, size, length), build(training, size, length)
    assert now.get_vocab() == before.get_vocab()
    for ours, theirs in zip(wordpiece.encode(now, texts), wordpiece.encode(before, texts), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.skipif(not NLVR.exists(), reason="needs the shared NLVR data")
def test_nlvr_is_read_as_before() -> None:
    training, others = (
        pq.read_table(NLVR / f"{name}.parquet", columns=["sentence"])["sentence"].to_pylist()
        for name in ("train", "dev")
    )
    before, now = as_before(training, 1000, 32), build(training, 1000, 32)
    assert now.get_vocab() == before.get_vocab()
    for ours, theirs in zip(
        wordpiece.encode(now, training + others), wordpiece.encode(before, training + others), strict=True
    ):
        assert np.array_equal(ours, theirs)
