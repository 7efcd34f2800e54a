"""Print on any terminal: characters that its encoding lacks are replaced by plain ones."""

import codecs
import io
import json
import sys
import unicodedata

_PLAIN = {
    "\N{MINUS SIGN}": "-",
    "\N{HYPHEN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{MIDDLE DOT}": ".",
    "\N{BULLET}": "*",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{PLUS-MINUS SIGN}": "+/-",
    "\N{DEGREE SIGN}": " degrees",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{NOT EQUAL TO}": "!=",
    "\N{ALMOST EQUAL TO}": "~",
    "\N{LEFTWARDS ARROW}": "<-",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{LEFT RIGHT ARROW}": "<->",
    "\N{RIGHTWARDS ARROW OVER LEFTWARDS ARROW}": "<->",
    "\N{CHECK MARK}": "yes",
    "\N{BALLOT X}": "no",
}
_BOX = range(0x2500, 0x2580)
_BLOCKS = range(0x2580, 0x25A0)
_BYTES = range(0xDC80, 0xDD00)  # lone surrogates, by which Python keeps bytes of file names that are no text


def plain(letter: str) -> str:
    """A character outside ASCII in ASCII: something that looks like it, or else its Python escape."""
    if letter in _PLAIN:
        return _PLAIN[letter]
    if ord(letter) in _BOX:
        name = unicodedata.name(letter)
        return "+" if " AND " in name else "-" if "HORIZONTAL" in name else "|" if "VERTICAL" in name else "+"
    if ord(letter) in _BLOCKS:
        return "#"
    alike = unicodedata.normalize("NFKC", letter)  # an ellipsis, a narrow space, a superscript
    return alike if alike.isascii() else letter.encode("ascii", "backslashreplace").decode("ascii")


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler that `codecs` calls for characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    if ord(letters[0]) in _BYTES:
        return bytes([ord(letters[0]) - 0xDC00]), error.start + 1
    count = next((place for place, letter in enumerate(letters) if ord(letter) in _BYTES), len(letters))
    return "".join(map(plain, letters[:count])), error.start + count


def accept_any_terminal() -> None:
    """Make standard output and error of this process replace characters that their encoding lacks by plain ones."""
    codecs.register_error("ceteris.plain", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ceteris.plain")


def json_text(content: object) -> str:
    """JSON text for standard output. If that is not UTF-8, other characters are JSON escapes, so that no text is changed."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json.dumps(content, indent=2, ensure_ascii=codecs.lookup(encoding).name != "utf-8")
