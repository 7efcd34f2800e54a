"""Files that are no pictures of a format that is read are called by their name."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from components.data.images import UnreadableError, decode
from components.data.unreadable import recognised


def container(*brands: bytes) -> bytes:
    """The start of a file of the family of HEIC and MP4: its main brand, a version, and those it is compatible with."""
    body = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return (8 + len(body)).to_bytes(4) + b"ftyp" + body + b"\0\0\0\x10mdat" + b"avif" * 4


@pytest.mark.parametrize(
    ("data", "what", "stand_in"),
    [
        (container(b"heic", b"mif1", b"heic"), "a HEIC picture", False),
        (container(b"heix"), "a HEIC picture", False),
        (container(b"mif1", b"mif1", b"heic"), "a HEIC picture", False),
        (container(b"mif1", b"mif1", b"avif", b"miaf"), "an AVIF picture", False),
        (container(b"avif", b"mif1"), "an AVIF picture", False),
        (container(b"isom", b"mp41"), "a video", False),
        (container(b"crx "), "a raw photograph (CR3)", False),
        (b"8BPS\0\1" + b"\0" * 20, "a Photoshop picture (PSD)", False),
        (b"%PDF-1.7\n", "a PDF document", False),
        (
            b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg">',
            "an SVG drawing",
            False,
        ),
        (b"\xef\xbb\xbf  <SVG viewBox='0 0 9 9'>", "an SVG drawing", False),
        (b"\0" * 128 + b"DICM" + b"\2\0", "a DICOM file", False),
        (b"\x93NUMPY\1\0", "a NumPy array", False),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture", False),
        (b"PK\x03\x04\x14\0", "a ZIP archive", False),
        (b"\0" * 500, "no picture but zeros", True),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page", True),
        (b"\n\n<html lang='en'><svg></svg></html>", "a web page", True),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document", True),
        (b'{"message": "not found"}', "a JSON document", True),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a Git LFS pointer", True),
        (b"../../.git/annex/objects/F9/SHA256E-s1.png", "a git-annex pointer", True),
    ],
)
def test_files_are_called_by_their_name(data: bytes, what: str, stand_in: bool) -> None:
    with pytest.raises(UnreadableError) as caught:
        decode(data)
    sentence = str(caught.value)
    assert sentence.startswith(f"the bytes are {what}")
    assert sentence.count(": ") == 1
    assert sentence.endswith(".")
    assert caught.value.kind.stand_in == stand_in


@pytest.mark.parametrize("data", [b"hello", b"<3 this is no markup", b"{nothing}", b"GIF, they said"])
def test_of_other_bytes_nothing_is_claimed(data: bytes) -> None:
    assert recognised(data) is None


@given(st.binary(max_size=300))
def test_no_bytes_are_too_odd_to_be_looked_at(data: bytes) -> None:
    kind = recognised(data)
    assert kind is None or (kind.what and kind.advice)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_pictures_that_are_read_are_not_taken_for_others(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    assert recognised(buffer.getvalue()) is None
