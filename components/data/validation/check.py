"""Check the user's own data before a study reads it, and say how it was understood: `ceteris validate PATH`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from components.data.findings import ASKED, Finding, Findings, finding, merged, quoted
from components.data.picture_survey import PictureSurvey
from components.data.sources.entries import Manifest
from components.data.sources.faults import shown
from components.data.sources.manifest import Scan, decide_answers, decide_splits
from components.data.sources.manifest_settings import ManifestSettings
from components.data.sources.manifest_texts import measure_texts
from components.data.sources.profile import ColumnProfile, profile_columns
from components.data.sources.questions import questions
from components.data.sources.targets import TargetSurvey, are_open, survey
from components.data.sources.understanding import (
    Understanding,
    about_boxes,
    about_targets,
    about_texts,
    division_of,
    structure_of,
)
from components.data.text_report import TextReport
from components.data.validation.gathered import PART, Gathered
from components.data.validation.rendered import rendering_findings
from components.data.validation.rules import FEWEST_EVALUATED, PART_RULES, PICTURE_RULES, SAMPLE_RULES
from components.data.validation.suite import Table, judge
from components.data.validation.tables import parts_frame
from components.errors import CeterisError

Kind = Literal["classification", "vqa"]
FEWEST_TRAINED = 20
FEWEST_OF_OPEN = 2
"""Training rows that an answer needs to be a class, where answers are open."""
FEWEST_ROWS = 40
"""Fewer rows than this, over all splits, cannot be divided into four useful splits."""
DEFAULT_SETTINGS = ManifestSettings(seed=1, selection_fraction=0.15, gate_fraction=0.15, validation_fraction=0.1)
"""Settings of `ceteris validate` by default; they divide rows as the default study does."""


@dataclass(frozen=True)
class Examination:
    """The findings about a manifest, how it was understood, and the measurements.

    Attributes:
        splits: of every row; empty where they cannot be made.
        texts: report on the rows' texts or, where no row has one, on the captions that are made.
        written: whether any row has a text.
        boxed: whether every row's picture has boxes.
        box_classes: number of class names of boxes; 0 where any box has no name.
        settings: how the manifest was read and divided. Where the answers to questions are open, an answer needs at least
            `FEWEST_OF_OPEN` rows to be a class.
    """

    findings: Findings
    understanding: Understanding
    manifest: Manifest
    splits: list[str]
    pictures: PictureSurvey
    texts: TextReport
    written: bool
    targets: TargetSurvey
    boxed: bool
    box_classes: int
    settings: ManifestSettings


def check_manifest(
    path: Path,
    kind: Kind | None = None,
    docs: Path | None = None,
    settings: ManifestSettings = DEFAULT_SETTINGS,
) -> Findings:
    """All findings about a manifest and its pictures; they name the user's own files and rows.

    Args:
        path: a manifest, or the folder that holds it.
        kind: of the task. For "vqa" every row needs a text; otherwise either all rows have a text or none has.
        docs: folder for the Data Docs; None to keep none.
        settings: columns of the manifest and the place of its pictures.

    Raises:
        CeterisError: there is no manifest at `path`, or it cannot be read at all.
    """
    return examine(path, kind, settings, docs=docs).findings


def examine(
    path: Path,
    kind: Kind | None = None,
    settings: ManifestSettings = DEFAULT_SETTINGS,
    named: Sequence[Path] = (),
    docs: Path | None = None,
    search: bool = False,
    size: int | None = None,
    length: int | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> Examination:
    """Read a manifest and its pictures once: findings, how it was understood, and what a study of it would need.

    Args:
        path, kind, settings, docs: as for `check_manifest`.
        named: further folders in which pictures may lie.
        search: whether to find out where the pictures lie, and to ask what only the user can say.
        size: side of the square that pictures are fitted into, in pixels; None to propose one.
        length: limit of texts, in tokens; None to propose one.
        progress: called with the number of rows read.

    Raises:
        CeterisError: there is no manifest at `path`, or it cannot be read at all.
    """
    manifest = Manifest(path, settings, _folders(named, path), search)
    profiles = profile_columns(manifest.files, manifest.names)
    asked = _questions(manifest, settings, profiles) if search else Findings()
    gathered = Gathered()
    for count, entry in enumerate(manifest.entries(gathered.faults), start=1):
        gathered.add(entry)
        progress(count)
    structure = _without_repetition(asked, gathered.faults.findings())
    if kind == "vqa" and not any(columns.text for columns in manifest.columns.values()):
        structure.items.append(_no_questions(path))
    rows = len(gathered.scan.splits)
    if not rows and structure.passed:
        raise CeterisError(f"{path} has no rows: add some.")
    if search and structure.passed and rows < FEWEST_ROWS:
        structure.items.append(_too_few(rows, path))
    scan = gathered.scan
    targets = survey(scan.targets, scan.splits, scan.groups)
    division = _Division([], "", settings)
    found = [structure]
    if rows:
        found_in_rows, division = _examine_rows(gathered, targets, kind, settings, path, docs, structure.passed, search)
        found += found_in_rows
    splits = division.splits
    texts = measure_texts(manifest, scan, splits, length)
    understanding = Understanding(
        structure_of(manifest, profiles, rows),
        division_of(manifest, profiles, splits, division.how, scan.groups) if splits else [],
        [
            *about_targets(targets, kind == "classification"),
            *about_texts(texts, scan.texts),
            *gathered.survey.sentences(size),
            *about_boxes(gathered.boxed, rows, len(gathered.box_classes), gathered.nameless),
        ]
        if rows
        else [],
    )
    return Examination(
        merged(found),
        understanding,
        manifest,
        splits,
        gathered.survey,
        texts,
        scan.texts > 0,
        targets,
        gathered.boxed == rows,
        0 if gathered.nameless else len(gathered.box_classes),
        division.settings,
    )


class _Division(NamedTuple):
    """How the rows are divided.

    Attributes:
        splits: one for each row; none where they cannot be divided.
        how: how they came about.
        settings: with what open answers ask for.
    """

    splits: list[str]
    how: str
    settings: ManifestSettings


def _examine_rows(
    gathered: Gathered,
    targets: TargetSurvey,
    kind: Kind | None,
    settings: ManifestSettings,
    path: Path,
    docs: Path | None,
    sound: bool,
    search: bool,
) -> tuple[list[Findings], _Division]:
    """What is found in the rows that can be read, and how they are divided.

    Args:
        sound: every row can be used. Where some cannot, nothing critical can be said about all of them.
    """
    scan, division = gathered.scan, _Division([], "", settings)
    found_in_targets, judged = targets.findings(str(path)), _judged(gathered, kind, path, docs)
    if not sound:
        found_in_targets = Findings([item for item in found_in_targets.items if item.severity == "warning"])
    if not found_in_targets.passed:  # this rule would say the same again
        judged = Findings([item for item in judged.items if item.rule != "several targets"])
    found = [
        judged,
        found_in_targets,
        _recomposed(gathered.recomposed, path),
        _missing(gathered.missing, path),
        Findings(rendering_findings(gathered.survey, gathered.survey.rendering, str(path), {})),
        gathered.contradictions.findings(str(path), targets.open),
    ]
    if kind == "vqa" and are_open(scan.trained()):
        fewest = max(FEWEST_OF_OPEN, settings.fewest_rows_per_answer)
        settings = settings.model_copy(update={"fewest_rows_per_answer": fewest})
        division = division._replace(settings=settings)
    if sound and found_in_targets.passed:
        splits, how, unsplit = _divided(scan, settings, kind, path)
        division = _Division(splits, how, settings)
        found.append(unsplit)
        if search and splits:
            found += [_small_splits(scan, splits, path), _unanswerable(scan, splits, settings, kind, path)]
    return found, division


def _questions(manifest: Manifest, settings: ManifestSettings, profiles: dict[str, ColumnProfile]) -> Findings:
    """The questions about each file that only the user can answer."""
    named, locate = len(manifest.files) > 1, manifest.pictures.find
    found = []
    for file in manifest.files:
        names, columns = manifest.names[file.name], manifest.columns[file.name]
        found += questions(file.name, names, columns, settings.columns, profiles, named, locate)
    return Findings(found)


def _judged(gathered: Gathered, kind: Kind | None, path: Path, docs: Path | None) -> Findings:
    """The findings of the rules that Great Expectations checks."""
    frame = gathered.samples.frame([PART], [] if kind == "vqa" else [PART])
    named = any(split is not None for split in gathered.scan.splits)
    parts = parts_frame(frame, [PART], ["train"] if named else [], False, str(path))
    tables = [Table("samples", frame, SAMPLE_RULES), Table("pictures", gathered.pictures.frame(), PICTURE_RULES)]
    return judge([*tables, *([Table("parts", parts, PART_RULES, noun="")] if len(parts) else [])], docs, str(path))


def _divided(scan: Scan, settings: ManifestSettings, kind: Kind | None, path: Path) -> tuple[list[str], str, Findings]:
    """The split of every row and how it was made, or the finding that says why rows cannot be divided."""
    try:
        splits, how = decide_splits(scan, settings, kind)
    except CeterisError as error:
        problem, _, advice = str(error).rstrip(".").rpartition(": ")
        return [], "", Findings([finding("critical", "division", str(path), [], problem, advice)])
    return splits, how, Findings()


def _too_few(rows: int, path: Path) -> Finding:
    problem = f"has {rows} rows, too few to set some aside to choose on and some to promote on"
    return finding("critical", "few rows", str(path), [], problem, f"give at least {FEWEST_ROWS}, better some hundreds")


def _folders(named: Sequence[Path], path: Path) -> list[Path]:
    """The folders that the user gave, relative to the working directory or to the manifest's folder.

    Raises:
        CeterisError: there is no such folder.
    """
    home = path if path.is_dir() else path.parent
    found = []
    for folder in named:
        place = next((place for place in (folder, home / folder) if place.is_dir()), None)
        if place is None:
            raise CeterisError(f"--pictures {folder}: there is no such folder, neither here nor in {home}.")
        found.append(place.absolute())
    return found


def _without_repetition(asked: Findings, faults: Findings) -> Findings:
    """Questions and faults together, without "missing column" faults for columns that are asked about."""
    about = {(item.file, item.rule.removeprefix(ASKED)) for item in asked.items}
    kept = [
        item
        for item in faults.items
        if item.rule != "missing column" or not any(f"column for the {what}" in item.sentence for _, what in about)
    ]
    return Findings([*asked.items, *kept])


def _no_questions(path: Path) -> Finding:
    problem = "has no column for the text, and --task vqa asks questions"
    return finding("critical", "missing column", str(path), [], problem, "name yours with --text COLUMN")


def _unanswerable(scan: Scan, splits: list[str], settings: ManifestSettings, kind: Kind | None, path: Path) -> Findings:
    """Findings about evaluation splits with one class only, and about too few answers that can be classes."""
    found = []
    try:
        decide_answers(scan, splits, settings, kind or "classification")
    except CeterisError as error:
        problem, _, advice = str(error).rstrip(".").rpartition(": ")
        found.append(finding("critical", "few classes", str(path), [], problem, advice))
    for split in ("selection", "gate"):
        asked = {target for target, mine in zip(scan.targets, splits, strict=True) if mine == split}
        if len(asked) == 1:
            problem = f"has rows of one class only in its {split} split, so nothing can be told apart there"
            found.append(
                finding("critical", "one class asked", str(path), [], problem, "add rows of the other classes")
            )
    return Findings(found)


def _missing(words: Counter[str], path: Path) -> Findings:
    """A warning about values that programs write for a missing value, such as "nan". They are read as ordinary words."""
    if not words:
        return Findings()
    named = quoted([f"{shown(word)} {count:,}" for word, count in words.most_common()])
    problem = f"{words.total():,} targets or texts are words that programs write for a missing value{named}"
    return Findings(
        [finding("warning", "missing words", str(path), [], problem, "leave the cell empty if nothing is meant")]
    )


def _small_splits(scan: Scan, splits: list[str], path: Path) -> Findings:
    """Findings about splits that were made and are too small. Splits that the user gives are checked by the rules."""
    counts = Counter(splits)
    named = {split for split in scan.splits if split is not None}
    found = []
    if splits and counts["train"] < FEWEST_TRAINED:
        problem = f"leaves {counts['train']} rows to train on, too few to learn from"
        advice = f"give at least {FEWEST_TRAINED} rows of training, better some hundreds"
        found.append(finding("critical", "few rows", str(path), [], problem, advice))
    small = [f"{split} {counts[split]}" for split in ("selection", "gate") if 0 < counts[split] < FEWEST_EVALUATED]
    if small and not named & {"selection", "gate", "validation"}:
        problem = f"leaves few rows to evaluate on ({', '.join(small)}), too few to tell architectures apart"
        found.append(finding("warning", "rows to evaluate on", str(path), [], problem, "add rows"))
    return Findings(found)


def _recomposed(targets: Counter[str], path: Path) -> Findings:
    """A warning about targets with decomposed accents in the file. They are read as the same as composed ones."""
    if not targets:
        return Findings()
    names = [shown(target) for target, _ in targets.most_common()]
    problem = f"{targets.total():,} rows write accents of the target apart from their letters{quoted(names)}"
    advice = "they are read as the same targets as those written in one character, so nothing need be done"
    return Findings([finding("warning", "composed targets", str(path), [], problem, advice)])
