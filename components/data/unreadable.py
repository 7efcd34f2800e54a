"""Recognise files that cannot be read as pictures by their bytes: other formats, and stand-ins that tools leave.

Suffixes are not used, because they can be wrong.
"""

from typing import NamedTuple

_SAVE = "save it as PNG or JPEG"
_FETCH = "fetch the picture itself"
_LOOKED_AT = 2048
# Brands in the container that HEIC, AVIF and videos share. They begin at offset 8, the main brand first.
_BRANDS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    "CR3": (b"crx ",),
}
_SIGNATURES = (
    (0, b"8BPS", "a Photoshop picture (PSD)"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript drawing"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (0, b"gimp xcf", "a GIMP picture (XCF)"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\x00\x00\x01\x00", "a Windows icon (ICO)"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance picture (HDR)"),
    (0, b"#?RGBE", "a Radiance picture (HDR)"),
    (0, b"DDS ", "a DirectDraw texture (DDS)"),
    (0, b"FUJIFILMCCD-RAW", "a raw photograph"),
    (0, b"SIMPLE  =", "a FITS file"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI LIST", "a video"),
)


class Unreadable(NamedTuple):
    """What a file is, in words that follow "is", and what to do about it.

    `stand_in` says that the picture itself is elsewhere, so saving the file in another format does not help.
    """

    what: str
    advice: str
    stand_in: bool


def recognised(data: bytes) -> Unreadable | None:
    """The kind of some bytes that cannot be read as a picture; None where it is not known."""
    if not data.strip(b"\0"):
        return Unreadable("no picture but zeros", "copy it again", stand_in=True)
    if kind := _container(data) or _signature(data):
        return Unreadable(f"{kind}, which is not read", _SAVE, stand_in=False)
    return _text(data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip().lower())


def _signature(data: bytes) -> str | None:
    return next((kind for offset, mark, kind in _SIGNATURES if data.startswith(mark, offset)), None)


def _container(data: bytes) -> str | None:
    if data[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(data[:4]), _LOOKED_AT)
    brands = [data[start : start + 4] for start in range(8, max(12, length), 4)]
    # The main brand of many HEIC and AVIF files is mif1; a later brand says which of the two they are.
    named = [kind for kind, marks in _BRANDS.items() if any(brand in marks for brand in brands)]
    if not named:
        return "a video"
    return {"CR3": "a raw photograph (CR3)", "AVIF": "an AVIF picture"}.get(named[0], f"a {named[0]} picture")


def _text(start: bytes) -> Unreadable | None:
    if start.startswith(b"version https://git-lfs"):
        return Unreadable("a Git LFS pointer, not the picture itself", f"{_FETCH} (git lfs pull)", stand_in=True)
    if b"/annex/objects/" in start[:300]:
        return Unreadable("a git-annex pointer, not the picture itself", f"{_FETCH} (git annex get)", stand_in=True)
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (start[:1] == b"<" and b"<html" in start):
        return Unreadable("a web page, not a picture", _FETCH, stand_in=True)
    if start[:1] == b"<" and b"<svg" in start:
        return Unreadable("an SVG drawing, which is not read", _SAVE, stand_in=False)
    if start.startswith(b"<?xml"):
        return Unreadable("an XML document, not a picture", _FETCH, stand_in=True)
    if start.startswith((b'{"', b"{\n", b"{ ")):
        return Unreadable("a JSON document, not a picture", _FETCH, stand_in=True)
    return None
