"""Plain characters where a terminal has no others, and exactly what was written where it has."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluation.report.terminal import KEY
from infra import terminal
from infra.terminal import accept_any_terminal, json_text, plain

ROOT = Path(__file__).parents[2]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
LATIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
UTF8 = {"PYTHONIOENCODING": "utf-8"}


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, text: str) -> bytes:
    """What reaches a terminal of an encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    with monkeypatch.context() as context:
        context.setattr(sys, "stdout", stream)
        accept_any_terminal()
        print(text, end="", flush=True)
    return stream.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("−0.5 – −0.1", "-0.5 - -0.1"),
        ("· worse, 2 × 3 ± 1", ". worse, 2 x 3 +/- 1"),
        ("“so” ‘so’ „so“ «so»", '"so" \'so\' "so" "so"'),
        ("≥ ≤ ≠ → …", ">= <= != -> ..."),
        ("┌─┬─┐│x│└─┴─┘━┃║═╭", "+-+-+|x|+-+-+-||-+"),
        ("█▇░", "###"),
        ("R² at 5\N{NO-BREAK SPACE}%", "R2 at 5 %"),
        ("café 犬 🐕", "caf\\xe9 \\u72ac \\U0001f415"),
        ("cafe\u0301", "cafe\\u0301"),
    ],
)
def test_an_ascii_terminal_gets_what_looks_alike(monkeypatch: pytest.MonkeyPatch, text: str, ascii_text: str) -> None:
    assert printed(monkeypatch, "ascii", text) == ascii_text.encode()
    assert printed(monkeypatch, "utf-8", text) == text.encode()


def test_latin_1_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, "latin-1", "café · 2 × −1 …") == "café · 2 × -1 ...".encode("latin-1")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_a_file_name_that_is_no_text_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    name = b"b\xffi\xfe\xe9ld.png"
    assert printed(monkeypatch, encoding, name.decode("utf-8", "surrogateescape") + " –") == name + (
        " –".encode() if encoding == "utf-8" else b" -"
    )


@given(st.characters(min_codepoint=128, categories=None))
def test_every_character_has_something_plain(letter: str) -> None:
    assert plain(letter)
    assert plain(letter).isascii()


def test_what_tables_are_made_of_is_one_letter_wide() -> None:
    assert all(len(plain(mark)) == 1 for mark in [*KEY, "−", "–", "─", "│", "█"] if not mark.isascii())


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "cp1252"])
def test_json_stays_the_same_json(encoding: str, content: dict[str, str]) -> None:
    stream = io.TextIOWrapper(
        io.BytesIO(), encoding=encoding, errors="surrogatepass" if encoding == "utf-8" else "strict"
    )
    with pytest.MonkeyPatch.context() as context:
        context.setattr(terminal.sys, "stdout", stream)
        text = json_text(content)
    assert json.loads(text.encode(encoding).decode(encoding)) == content
    assert encoding != "utf-8" or "\\u00" not in json_text({"answer": "café"})


def ceteris(settings: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True)


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Scores of architectures whose names an ASCII terminal does not have."""
    lines = (ROOT / "docs/examples/scores.csv").read_text(encoding="utf-8")
    path = tmp_path / "scores.csv"
    path.write_text(lines.replace("late", "spät·–"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "arguments", [["verdict", "scores"], ["verdict", "scores", "--json"], ["validate", "nowhere–ä"]]
)
def test_commands_print_in_any_terminal(scores: Path, arguments: list[str]) -> None:
    words = [str(scores) if word == "scores" else word for word in arguments]
    whole, ascii_only, latin = (ceteris(settings, *words) for settings in (UTF8, ASCII, LATIN))
    assert whole.returncode == ascii_only.returncode == latin.returncode
    assert b"Traceback" not in ascii_only.stderr + latin.stderr
    if "--json" in words:
        assert json.loads(whole.stdout) == json.loads(ascii_only.stdout) == json.loads(latin.stdout)
        assert ascii_only.stdout.isascii()
    elif arguments[0] == "verdict":
        assert "spät·–" in whole.stdout.decode("utf-8")
        assert b"sp\\xe4t.-" in ascii_only.stdout
        assert ascii_only.stdout.isascii()
        assert "spät·-".encode("latin-1") in latin.stdout
    else:  # the name was given in bytes, and comes back in the same
        assert "nowhere–ä does not exist".encode() in ascii_only.stderr
