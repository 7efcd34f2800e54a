"""Published layouts of region features."""

import base64
from pathlib import Path

import numpy as np
import pytest

from components.data.region_files import Likeliest, read_regions
from components.errors import CeterisError

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.random((5, 2048), dtype=np.float32)
SHARES = np.sort(RANDOM.random((5, 2, 2), dtype=np.float32), axis=1).reshape(5, 4)
PIXELS = SHARES * np.array([640, 480] * 2, np.float32)


def packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def lxmert(ids: np.ndarray, confidences: np.ndarray) -> str:
    known = [packed(ids.astype(np.int64)), packed(confidences)]
    return "\t".join(["7", "480", "640", *known, *known, "5", packed(PIXELS), packed(FEATURES)])


def test_the_two_layouts_of_tab_separated_files(tmp_path: Path) -> None:
    six = ["7", "640", "480", "5", packed(PIXELS), packed(FEATURES)]
    ids, confidences = packed(np.arange(5)), packed(np.ones(5, np.float32))
    ten = ["COCO_7", "480", "640", ids, confidences, ids, confidences, "5", packed(PIXELS), packed(FEATURES)]
    path = tmp_path / "features.tsv"
    path.write_text("\t".join(six) + "\n" + "\t".join(ten) + "\n")
    first, second = read_regions(path)
    assert (first.image_id, second.image_id) == ("7", "COCO_7")
    for one in (first, second):
        np.testing.assert_array_equal(one.features, FEATURES)
        np.testing.assert_allclose(one.boxes, SHARES, atol=1e-6)
    assert first.classes is first.attributes is None
    for likeliest in (second.classes, second.attributes):
        assert isinstance(likeliest, Likeliest)
        assert likeliest.ids.tolist() == list(range(5))
        assert likeliest.probabilities.tolist() == [1.0] * 5


def test_a_folder_of_npz_files_in_either_convention(tmp_path: Path) -> None:
    classes = RANDOM.dirichlet(np.ones(9), 5)
    np.savez(tmp_path / "b.npz", features=FEATURES, bbox=PIXELS, image_w=640, image_h=480, cls_prob=classes)
    seven = np.concatenate([SHARES, SHARES[:, :3]], axis=1)
    np.savez(tmp_path / "a.npz", features=FEATURES.astype(np.float16), norm_bb=seven)
    first, second = read_regions(tmp_path)
    assert (first.image_id, second.image_id) == ("a", "b")
    np.testing.assert_allclose(first.boxes, SHARES, atol=1e-6)
    np.testing.assert_allclose(second.boxes, SHARES, atol=1e-6)
    assert first.features.dtype == np.float32
    assert second.classes is not None
    np.testing.assert_allclose(second.classes, classes, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("1\t2\t3", r"line 1 has 3 columns: expected 6 or LXMERT's 10"),
        (f"7\t640\t480\t5\t{packed(PIXELS)}\t%%%", r"line 1 cannot be decoded"),
        (f"7\t640\t480\t4\t{packed(PIXELS)}\t{packed(FEATURES)}", r"line 1 cannot be decoded"),
        (f"7\t640\t480\tmany\t{packed(PIXELS)}\t{packed(FEATURES)}", r"line 1 cannot be decoded"),
        (lxmert(np.arange(5) - 1, np.ones(5, np.float32)), "line 1 has classes with ids below 0"),
        (lxmert(np.arange(5), np.full(5, 1.5, np.float32)), "line 1 has classes with ids below 0, or probabilities"),
        (lxmert(np.arange(4), np.ones(4, np.float32)), "line 1 cannot be decoded"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: str, sentence: str) -> None:
    path = tmp_path / "features.tsv"
    path.write_text(row + "\n")
    with pytest.raises(CeterisError, match=sentence):
        list(read_regions(path))


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match=r"nowhere does not exist"):
        list(read_regions(tmp_path / "nowhere"))
    with pytest.raises(CeterisError, match=r"holds no \.npz file"):
        list(read_regions(tmp_path))
    for arrays, sentence in [
        ({"x": FEATURES}, r"x\.npz has no array `features`: it has x"),
        ({"features": FEATURES}, r"x\.npz has no array `boxes` \(or `bbox`\)"),
        ({"features": FEATURES[:4], "norm_bb": SHARES}, r"features of shape \(4, 2048\) and boxes of shape \(5, 4\)"),
        ({"features": FEATURES * np.nan, "norm_bb": SHARES}, r"not finite"),
        ({"features": FEATURES, "norm_bb": SHARES, "classes": np.ones((3, 2))}, r"classes of shape \(3, 2\)"),
        ({"features": np.array([{}], dtype=object)}, r"without Python objects"),
    ]:
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(CeterisError, match=sentence):
            list(read_regions(tmp_path))
