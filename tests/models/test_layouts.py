"""The layouts of the BERT-era models, against the tables of "Multimodal Pretraining Unmasked"."""

import pytest

from components.models.layouts import (
    DIRECTIONS,
    Attention,
    FeedForward,
    Layout,
    late,
    lxmert,
    named,
    single_stream,
    vilbert,
)


def attending(layout: Layout, direction: str) -> list[int]:
    """The numbers of the sub-layers in which a direction is on."""
    return [n for n, row in enumerate(layout) if isinstance(row, Attention) and direction in row.directions]


def transforming(layout: Layout, side: str) -> list[int]:
    """The numbers of the feed-forward sub-layers of a side."""
    return [n for n, row in enumerate(layout) if isinstance(row, FeedForward) and getattr(row, side)]


def sharing(layout: Layout) -> list[int]:
    """The numbers of the sub-layers with shared weights."""
    return [n for n, row in enumerate(layout) if row.shared]


def test_single_stream_has_everything_on_and_shared() -> None:
    layout = single_stream(12)
    assert len(layout) == 24
    for direction in DIRECTIONS:
        assert attending(layout, direction) == list(range(0, 24, 2))
    assert transforming(layout, "text") == transforming(layout, "image") == list(range(1, 24, 2))
    assert sharing(layout) == list(range(24))


def test_vilbert_has_its_published_sublayers() -> None:
    layout = vilbert(6, 6)
    assert len(layout) == 36
    assert attending(layout, "tt") == [0, 2, 4, 6, 8, 10, 14, 18, 22, 26, 30, 34]
    assert attending(layout, "tv") == attending(layout, "vt") == [12, 16, 20, 24, 28, 32]
    assert attending(layout, "vv") == [14, 18, 22, 26, 30, 34]
    assert transforming(layout, "text") == list(range(1, 36, 2))
    assert transforming(layout, "image") == list(range(13, 36, 2))
    assert sharing(layout) == []


def test_lxmert_has_its_published_sublayers() -> None:
    layout = lxmert(9, 5, 5)
    assert len(layout) == 33
    assert attending(layout, "tt") == [0, 2, 4, 6, 8, 10, 12, 14, 16, 19, 22, 25, 28, 31]
    assert attending(layout, "vv") == [0, 2, 4, 6, 8, 19, 22, 25, 28, 31]
    assert attending(layout, "tv") == attending(layout, "vt") == sharing(layout) == [18, 21, 24, 27, 30]
    assert transforming(layout, "text") == [1, 3, 5, 7, 9, 11, 13, 15, 17, 20, 23, 26, 29, 32]
    assert transforming(layout, "image") == [1, 3, 5, 7, 9, 20, 23, 26, 29, 32]


def test_late_never_crosses() -> None:
    layout = late(4)
    assert attending(layout, "tt") == attending(layout, "vv") == [0, 2, 4, 6]
    assert attending(layout, "tv") == attending(layout, "vt") == sharing(layout) == []
    assert transforming(layout, "text") == transforming(layout, "image") == [1, 3, 5, 7]


@pytest.mark.parametrize(("text", "image"), [(3, 1), (1, 3), (0, 2), (2, 0)])
def test_the_longer_side_goes_on_alone(text: int, image: int) -> None:
    layout = lxmert(text, image, 1)
    assert len(attending(layout, "tt")) == text + 1
    assert len(attending(layout, "vv")) == image + 1
    assert len(layout) == 2 * max(text, image) + 3


@pytest.mark.parametrize(
    ("fusion", "depth", "expected"),
    [
        ("single_stream", 12, single_stream(12)),
        ("single_stream_wide", 12, single_stream(12)),
        ("vilbert", 12, vilbert(6, 6)),
        ("lxmert", 12, lxmert(9, 5, 5)),
        ("late", 12, late(12)),
        ("single_stream", 3, single_stream(3)),
        ("vilbert", 3, vilbert(1, 2)),
        ("lxmert", 3, lxmert(2, 1, 1)),
        ("late", 3, late(3)),
    ],
)
def test_named_scales_to_the_depth(fusion: str, depth: int, expected: Layout) -> None:
    assert named(fusion, depth) == expected


@pytest.mark.parametrize("depth", range(1, 25))
def test_at_any_depth_the_streams_of_vilbert_and_lxmert_meet(depth: int) -> None:
    for fusion in ("vilbert", "lxmert"):
        layout = named(fusion, depth)
        assert attending(layout, "tv")
        assert attending(layout, "vt")
    assert len(attending(named("vilbert", depth), "tt")) == depth


def test_directions_may_be_any_collection() -> None:
    assert Attention({"tt", "tv"}) == Attention(frozenset({"tv", "tt"}))
    assert len({Attention({"tt", "tv"}), Attention(frozenset({"tv", "tt"}))}) == 1


def test_rows_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="directions"):
        Attention(frozenset())
    with pytest.raises(ValueError, match="directions"):
        Attention(frozenset({"tx"}))
    with pytest.raises(ValueError, match="both modalities"):
        Attention(frozenset({"vv"}), shared=True)
    with pytest.raises(ValueError, match="text, image or both"):
        FeedForward(text=False, image=False)
    with pytest.raises(ValueError, match="both modalities"):
        FeedForward(text=True, image=False, shared=True)
    with pytest.raises(ValueError, match="at least one layer"):
        named("late", 0)
    with pytest.raises(ValueError, match="no fusion"):
        named("early", 3)
