"""What is said of small inputs that were once misread, cut, refused without reason or accepted without a word.

`python tests/data/validation/test_odd_inputs.py > docs/odd_inputs.md` makes the page that shows it.
"""

from functools import cache
from pathlib import Path

import pytest

from components.data.sources.manifest_settings import ManifestColumns
from components.data.validation.check import DEFAULT_SETTINGS, Examination, examine

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/odd_inputs.md"
ODD = ROOT.parent / "shared/data/odd_manifests"

pytestmark = pytest.mark.xdist_group("odd inputs")  # each folder is examined once for all tests
needs_data = pytest.mark.skipif(not ODD.is_dir(), reason="../shared is not here")

# Folder, what is odd about it, whether it can be used as it is, and words of the lines that say what was made of it.
KINDS: list[tuple[str, str, bool, tuple[str, ...]]] = [
    (
        "semicolon",
        "semicolons, a byte-order mark and CRLF, as a German Excel writes",
        True,
        ("semicolons", "3 classes"),
    ),
    ("split_col_set", "the split stands in a column `set`", False, ("--split set",)),
    ("patient_leak", "patients in training and test", False, ("--group patient_id",)),
    ("textvqa_ocr", "`text` holds what is written in the picture, beside `question`", True, ("text from 'question'",)),
    ("jsonl_late_keys", "`text` and `split` first appear in row 211", False, ("split from 'split'", "empty split")),
    (
        "ja_dakuten",
        "questions that differ in marks alone, with opposite answers",
        True,
        ("texts: 120", "no word is spelled"),
    ),
    ("zh_vqa", "long Chinese questions without blanks", True, ("45 at most; the limit of 48 tokens cuts none",)),
    ("mode_I_8bit", "8-bit values in 32-bit pictures", True, ("values from 0 to 255",)),
    ("nfc_nfd_labels", "labels that look alike", True, ("accents of the target", "look like")),
    ("contradiction", "one picture, two targets", True, ("have another target",)),
    ("one_class", "one class only", False, ("all rows have the target 'cat'",)),
    ("all_singletons", "every class has one row", False, ("every class has one row only",)),
    ("open_answers", "answers that are sentences of their own", True, ("Answers are open",)),
    ("label_and_label_name", "numbers beside names", True, ("target from 'label_name'",)),
    ("white_logos", "white drawings on transparency", True, ("put on black", "repeats another row")),
    ("backslashes", "paths from Windows", True, ("rows: 60", "pictures: 60")),
    (
        "snli_ve",
        "another set's own column names",
        False,
        ("--image Flikr30kID", "--target gold_label", "--text sentence2"),
    ),
    ("baseline", "nothing", True, ("columns:", "splits:")),
    ("with_boxes", "nothing; it has boxes", True, ("boxes from 'boxes'",)),
]


@cache
def examined(folder: str, **columns: str) -> Examination:
    (manifest,) = (path for path in (ODD / folder).iterdir() if path.suffix in (".csv", ".jsonl"))
    settings = DEFAULT_SETTINGS.model_copy(update={"columns": ManifestColumns(**columns)})
    return examine(manifest, settings=settings, search=True)


def lines_of(examination: Examination) -> list[str]:
    """Everything that is printed, without the place of the folder."""
    said = [*examination.understanding.lines(), *examination.findings.labelled()]
    return [line.replace(f"{examination.manifest.files[0].path.parent}/", "") for line in said]


def said(folder: str, words: tuple[str, ...]) -> list[str]:
    """The lines that hold one of the words."""
    found = lines_of(examined(folder))
    return [line for line in found if any(word in line for word in words)]


@needs_data
def test_every_folder_has_its_line() -> None:
    assert sorted(path.name for path in ODD.iterdir()) == sorted(folder for folder, *_ in KINDS)


@needs_data
@pytest.mark.parametrize(("folder", "usable", "words"), [(folder, usable, words) for folder, _, usable, words in KINDS])
def test_each_is_said_for_what_it_is(folder: str, usable: bool, words: tuple[str, ...]) -> None:
    examination = examined(folder)
    found = lines_of(examination)
    assert examination.findings.passed == usable
    for word in words:
        assert any(word in line for line in found), (word, found)


@needs_data
@pytest.mark.parametrize(
    ("folder", "columns", "words"),
    [
        ("split_col_set", {"split": "set"}, "train 30, validation 4, selection 20, gate 6 rows"),
        ("split_col_set", {"split": "none"}, "carved out of all rows"),
        ("patient_leak", {"group": "none"}, "groups: 60, each a picture"),
        ("patient_leak", {"group": "patient_id"}, "belongs to a group that occurs in selection and train"),
        (
            "snli_ve",
            {"image": "Flikr30kID", "target": "gold_label", "text": "sentence2"},
            "picture paths: looked up in img",
        ),
        ("jsonl_late_keys", {"split": "none"}, "has no text"),
    ],
)
def test_answers_are_followed(folder: str, columns: dict[str, str], words: str) -> None:
    found = lines_of(examined(folder, **columns))
    assert any(words in line for line in found), found


def page() -> str:
    """The page, in Markdown."""
    from tests.evaluation.score_tables.odd_scores import FILES, said_of_scores

    lines = [
        "# What is said of odd inputs",
        "",
        "Small inputs as other tools and people make them, and the lines of `validate` that say what was made of each.",
        "",
        "| odd | said |",
        "|---|---|",
    ]
    for folder, odd, _, words in KINDS:
        cell = "<br>".join(line.replace("|", "\\|") for line in said(folder, words))
        lines.append(f"| {odd} | {cell} |")
    lines += ["", "And of `verdict`, of scores that were made elsewhere:", "", "| file | said |", "|---|---|"]
    for file in FILES:
        name = file if isinstance(file, str) else file.name
        lines.append(f"| `{name}` | {said_of_scores(ODD.parent / 'odd_scores' / name)} |")
    return "\n".join([*lines, ""])


@needs_data
def test_the_page_shows_what_is_said() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run python tests/data/validation/test_odd_inputs.py > docs/odd_inputs.md"
    )


if __name__ == "__main__":
    print(page(), end="")
