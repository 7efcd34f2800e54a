"""Read the lines of text files. The encoding is found from the bytes, and files that are no text are refused.

UTF-8, UTF-16 and, with a byte order mark, UTF-32 are read. Bytes of other encodings become lone surrogates, so that each
reader can name the rows that hold them.
"""

import codecs
import re
from collections.abc import Iterator

from components.data.sources.tables.row import Fault, ManifestFile
from components.errors import CeterisError

_SAMPLE_BYTES = 1 << 16
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# First bytes of files that have the name of a table but are none: what they are, and what to do.
_OTHER_CONTENTS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save the table as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it"),
    (b"version https://git-lfs", "a pointer of Git LFS to a file that is not here", "fetch it with `git lfs pull`"),
    (b"<!doctype html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
)
_PARQUET = (b"PAR1", "Parquet", "give it a name that ends in .parquet")


def refuse_other_contents(file: ManifestFile, text: bool = True) -> None:
    """Refuse a file whose content is not what its name says.

    Raises:
        CeterisError: naming what it is.
    """
    head = _head(file, 64)
    for beginning, what, advice in (*_OTHER_CONTENTS, *([_PARQUET] if text else [])):
        if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(beginning.lower()):
            raise CeterisError(f"{file.name} is {what}: {advice}.")


def encoding_of(file: ManifestFile) -> str:
    """Python's name of the encoding.

    The byte order mark decides. Without one it is UTF-16 if many bytes at even, or at odd, positions are zero, otherwise UTF-8.
    """
    head = _head(file, _SAMPLE_BYTES)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    zeros_at_even, zeros_at_odd = head[::2].count(0), head[1::2].count(0)
    if 8 * max(zeros_at_even, zeros_at_odd) > len(head):
        return "utf-16-le" if zeros_at_odd > zeros_at_even else "utf-16-be"
    return "utf-8"


def lines(file: ManifestFile) -> Iterator[str]:
    """The lines of a text file with their line ends unchanged; bytes that are not UTF-8 become lone surrogates.

    Raises:
        CeterisError: the file is no text, or damaged UTF-16 or UTF-32.
    """
    refuse_other_contents(file)
    encoding = encoding_of(file)
    try:
        with file.path.open(encoding=encoding, errors="surrogateescape", newline="") as stream:
            yield from stream
    except UnicodeDecodeError:
        raise CeterisError(
            f"{file.name} looks like {encoding[:6].upper()} but is damaged: save the file again, as UTF-8."
        ) from None


def is_unicode(text: str) -> bool:
    """Whether a text is free of lone surrogates, which stand for bytes that are not UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def not_unicode(file: ManifestFile, place: int) -> Fault:
    """The fault of a row with bytes that are not UTF-8."""
    likely = likely_encoding(_undecodable(file))
    looks = f" (it looks like {likely})" if likely else ""
    return Fault(file.name, place, "not UTF-8", f"is not valid UTF-8{looks}", "save the file as UTF-8")


def likely_encoding(data: bytes) -> str | None:
    """The likely encoding of bytes that are not UTF-8, by its common name; None where none is likely."""
    # Bytes above 127 stand alone between letters in Western European languages, and in runs in other languages.
    alone = sum(len(run) for run in re.findall(rb"(?<![\x80-\xff])[\x80-\xff]{1,2}(?![\x80-\xff])", data))
    high = sum(byte >= 0x80 for byte in data)
    if not high:
        return None
    for encoding, name, letters, share in (
        ("shift_jis", "Shift-JIS", "[\u3040-\u30ff]", 0.2),
        ("euc_jp", "EUC-JP", "[\u3040-\u30ff]", 0.2),
        ("euc_kr", "EUC-KR", "[\uac00-\ud7a3]", 0.9),
        ("gb18030", "GBK", "[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]", 0.9),
        ("big5", "Big5", "[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]", 0.9),
    ):
        if 2 * alone > high and encoding != "shift_jis":
            continue
        try:
            text = re.sub(r"[\x00-\x7f]", "", data.decode(encoding))
        except UnicodeDecodeError:
            continue
        if text and len(re.findall(letters, text)) >= share * len(text):
            return name
    if 2 * alone > high:
        # Windows-1252 does not define these five bytes.
        return None if re.search(rb"[\x81\x8d\x8f\x90\x9d]", data) else "Windows-1252"
    if sum(byte >= 0xC0 for byte in data) >= 0.9 * high:
        return "Windows-1251"
    return None


def _undecodable(file: ManifestFile) -> bytes:
    """A sample of the lines that are not UTF-8."""
    found: list[bytes] = []
    with file.path.open("rb") as stream:
        for line in stream:
            try:
                line.decode()
            except UnicodeDecodeError:
                found.append(line)
                if sum(map(len, found)) > _SAMPLE_BYTES:
                    break
    return b"".join(found)


def _head(file: ManifestFile, size: int) -> bytes:
    try:
        with file.path.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise CeterisError(f"{file.name} cannot be read ({error.strerror}): make it readable.") from None
