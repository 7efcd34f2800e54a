"""The manifest source: write samples from the user's own data, given as one manifest in a folder, without code.

Splits:

* `train` is for training.
* A split called test (or selection, eval, ...) becomes `selection`, on which architectures are chosen.
* A split called validation (or val, dev, ...) stays `validation`. But where there is no test split, all validation rows
  become `selection`, so that results can be compared with published ones for these rows, and nothing is tuned on them.
* Splits that are then missing (`gate`, `validation`, `selection`) are taken out of `train` by group. Rows that show the same
  picture stay together as well. Without a group column every picture is a group.

Pretraining parts, from training rows (and from validation rows, for the validation curves):

* `pairs`: every row with its text or, where no row has a text, with a caption made from its target ("a photo of a hat").
* `text`: the same texts alone.
* `images`: every picture, labelled with the targets of its rows.

So labels of training rows enter pretraining, and runs with few labels on such data have few labels only in fine-tuning.

Classes are the targets of training rows, as many as `data.manifest` allows. Training rows with another target train no task,
but pretraining reads their pictures and texts. Evaluated rows with another target stay and always count as wrong.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.data.images import facts
from components.data.region_table import write_regions
from components.data.samples import Picture, Sample, SampleWriter
from components.data.sources.answers import MOST_CLASSES, choose_classes
from components.data.sources.entries import Entry, Manifest
from components.data.sources.faults import Faults
from components.data.sources.manifest_settings import ManifestSettings
from components.data.sources.splits import carve, connected, shares
from components.data.sources.targets import are_open, survey
from components.errors import CeterisError
from components.files.digests import digest_of_bytes
from components.study.data_settings import DataSettings
from components.study.tasks import TaskSettings

CAPTIONS = (
    "a photo of a {}.",
    "a picture of a {}.",
    "a photo that shows a {}.",
    "this is a {}.",
    "this picture shows a {}.",
    "here is a photo of one {}.",
)
PRETRAINING_SPLITS = ("train", "validation")
_SHARD_BYTES = 256 << 20
_SMALLEST_SHARD = 64


@dataclass
class Scan:
    """What the first pass keeps of every row: no pictures, and of texts only how many rows have one.

    `names` maps the user's name of a picture to its id; None for a name that two pictures have. The user's name is the file
    name without suffix or, for a picture inside the manifest, the row's id.
    """

    splits: list[str | None] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)
    image_ids: list[str] = field(default_factory=list)
    looks: dict[str, str] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)
    image_bytes: int = 0
    texts: int = 0

    def trained(self) -> Counter[str]:
        """How often each target occurs in the rows that may be trained on: those without a split or of the training split."""
        rows = zip(self.targets, self.splits, strict=True)
        return Counter(target for target, split in rows if target is not None and split in (None, "train"))

    def add(self, entry: Entry, image_id: str, look: str, size: int) -> None:
        """Add one row.

        Args:
            look: a key that is equal for pictures with equal pixels.
            size: of the encoded picture in bytes.
        """
        if image_id not in self.looks:
            self.looks[image_id] = look
            self.image_bytes += size
        self.splits.append(entry.split)
        self.groups.append(entry.group if entry.group is not None else image_id)
        self.targets.append(entry.target)
        self.image_ids.append(image_id)
        name = entry.image.stem if isinstance(entry.image, Path) else entry.id
        self.names[name] = image_id if self.names.get(name, image_id) == image_id else None
        self.texts += bool(entry.text.strip())


def write(
    writer: SampleWriter,
    settings: DataSettings,
    tasks: Mapping[str, TaskSettings],
    progress: Callable[[float, str], None],
) -> None:
    """Write all samples of the manifest at `settings.path`.

    Raises:
        CeterisError: the manifest has unusable rows (all are named), targets from which nothing can be learned, or too few
            groups to divide.
    """
    if len(tasks) != 1:
        raise CeterisError(
            f"tasks has {len(tasks)} entries ({', '.join(tasks)}): a manifest holds the rows of exactly one task."
        )
    task = next(iter(tasks))
    manifest = Manifest(Path(settings.path), settings.manifest)
    scan = scan_rows(manifest, settings.path, lambda done: progress(50 * done, "reading the manifest"))
    kind = tasks[task].kind
    survey(scan.targets, groups=scan.groups).findings(settings.path).raise_if_critical(settings.path)
    splits, remark = decide_splits(scan, settings.manifest, kind)
    answers, left_out = decide_answers(scan, splits, settings.manifest, kind)
    classes = set(answers)
    labels = _labels(scan, splits, classes)
    writer.rows_per_shard = min(
        writer.rows_per_shard, max(_SMALLEST_SHARD, _SHARD_BYTES * len(scan.looks) // scan.image_bytes)
    )
    written: set[str] = set()
    for index, entry in enumerate(manifest.entries(Faults())):
        image_id, group, split = scan.image_ids[index], scan.groups[index], splits[index]
        label = labels.get(image_id)
        if image_id not in written:
            written.add(image_id)
            writer.picture(picture_of(entry, image_id, group, label))
            if label:
                writer.sample(Sample(f"images/{image_id}", "images", split, [image_id], group=group))
        # A row without a target is written, so that validation reports it.
        if split != "train" or entry.target is None or entry.target in classes:
            writer.sample(Sample(entry.id, task, split, [image_id], entry.text, entry.target, group))
        caption = entry.text if scan.texts else caption_of(entry)
        if split in PRETRAINING_SPLITS and caption.strip():
            writer.sample(Sample(f"pairs/{entry.id}", "pairs", split, [image_id], caption, group=group))
            writer.sample(Sample(f"text/{entry.id}", "text", split, text=caption, group=group))
        if index % 100 == 0:
            progress(50 + 50 * index / len(splits), "writing samples")
    regions = {}
    if settings.region_features is not None:
        progress(99, "reading region features")
        regions["regions"] = write_regions(writer.folder, Path(settings.region_features), scan.names)
    writer.finish(
        source="manifest",
        oracle="identity",
        answers={task: answers},
        image_labels=sorted({label for joined in labels.values() for label in joined.split(";")}),
        texts={
            "text": "the texts of the training rows"
            if scan.texts
            else "captions made from the targets of the training rows",
            "splits": remark,
            **({"answers": left_out} if left_out else {}),
            **regions,
            "columns": "; ".join(
                f"{file.path.name}: {manifest.columns[file.name].describe()}" for file in manifest.files
            ),
        },
    )


def picture_of(entry: Entry, image_id: str, group: str, label: str | None) -> Picture:
    """The picture of a row, with its boxes and their class names."""
    boxes, classes = (entry.boxes.values, entry.boxes.names or ()) if entry.boxes else (None, ())
    return Picture(image_id, entry.picture(), group, boxes=boxes, label=label, classes=classes)


def scan_rows(manifest: Manifest, what: str, progress: Callable[[float], None]) -> Scan:
    """The first pass over a manifest, which messages call `what`.

    Raises:
        FaultyDataError: some rows cannot be used; the error names all of them.
    """
    scan = Scan()
    total = max(1, manifest.row_count())
    for count, (entry, image_id, look, size) in enumerate(_looked_at(manifest, what)):
        scan.add(entry, image_id, look, size)
        if count % 100 == 0:
            progress(min(1.0, count / total))
    return scan


def _looked_at(manifest: Manifest, what: str) -> Iterator[tuple[Entry, str, str, int]]:
    """Entries with the id of their picture, the key of its pixels, and its size in bytes."""
    faults = Faults()
    looks: dict[str, str] = {}
    for entry in manifest.entries(faults):
        data = entry.picture()
        image_id = digest_of_bytes(data)[:24]
        if image_id not in looks:
            looks[image_id] = look_of(data)
        yield entry, image_id, looks[image_id], len(data)
    faults.findings().raise_if_critical(what)


def look_of(data: bytes) -> str:
    """A key that is equal for pictures with equal pixels.

    For a picture that cannot be decoded it is a hash of the bytes; validation reports such pictures.
    """
    try:
        return facts(data).pixel_hash
    except CeterisError:
        return digest_of_bytes(data)


def decide_splits(scan: Scan, settings: ManifestSettings, kind: str | None = None) -> tuple[list[str], str]:
    """The split of every row, and a remark that says how splits were made.

    Args:
        kind: of the task. A class with one row stays in training. If answers are free (never in a classification), a row
            whose answer is given only once may go to any split.

    Raises:
        CeterisError: no rows are left to train on, or too few groups to divide.
    """
    present = {split for split in scan.splits if split is not None}
    if present and "train" not in present:
        raise CeterisError(
            f"the manifest names the splits {', '.join(sorted(present))} but no train: name the rows to train on."
        )
    remarks = []
    renamed = {}
    if "validation" in present and "selection" not in present:
        renamed["validation"] = "selection"
        remarks.append("the manifest's validation rows are the selection split, whole")
    named = [renamed.get(split or "train", split or "train") for split in scan.splits]
    missing = [split for split in ("validation", "selection", "gate") if split not in named]
    if missing:
        training = [index for index, split in enumerate(named) if split == "train"]
        together = connected((scan.groups[index], scan.looks[scan.image_ids[index]]) for index in training)
        rows = [(together[scan.groups[index]], scan.targets[index]) for index in training]
        seen = Counter(target for _, target in rows if target is not None)
        free = kind != "classification" and are_open(seen)
        fewest = max(settings.fewest_rows_per_answer, 2 if free else 1)
        unlearned = {target for target, count in seen.items() if count < fewest}
        division = carve(rows, shares(settings, missing), settings.seed, unlearned)
        for index, (group, _) in zip(training, rows, strict=True):
            named[index] = division[group]
        made = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
        remarks.append(f"{made} carved out of {'train' if present else 'all rows'} by group")
    return named, "; ".join(remarks) or "as the manifest names them"


def decide_answers(scan: Scan, splits: list[str], settings: ManifestSettings, kind: str) -> tuple[list[str], str]:
    """The classes, sorted, and a remark on the training rows that belong to no class (empty where there are none).

    Args:
        splits: of every row.
        kind: of the task. Only answers to questions are limited in number, because a classification needs all its classes.

    Raises:
        CeterisError: fewer than two targets become classes, or more than predictions can encode.
    """
    trained = [
        target for target, split in zip(scan.targets, splits, strict=True) if split == "train" and target is not None
    ]
    fewest, most = settings.fewest_rows_per_answer, settings.most_answers if kind == "vqa" else None
    classes = choose_classes(trained, fewest, most)
    different = len(set(trained))
    if len(classes) < 2 <= different:
        raise CeterisError(
            f"only {len(classes)} of the {different:,} targets of training rows {'has' if len(classes) == 1 else 'have'} at least "
            f"{fewest} rows, which leaves nothing to tell apart: lower data.manifest.fewest_rows_per_answer."
        )
    if len(classes) > MOST_CLASSES:
        raise CeterisError(
            f"the targets of training rows make {len(classes):,} classes, more than {MOST_CLASSES:,}: raise "
            "data.manifest.fewest_rows_per_answer, or give coarser targets."
        )
    known = set(classes)
    lost = sum(target not in known for target in trained)
    if not lost:
        return classes, ""
    limits = [f"with at least {fewest} rows"] if fewest > 1 else []
    limits += [f"{most:,} at most"] if most else []
    return classes, (
        f"{len(classes):,} of the {different:,} targets of training rows are classes ({', '.join(limits)}); the other {lost:,} of "
        f"{len(trained):,} training rows ({100 * lost / len(trained):.1f}%) train no task"
    )


def _labels(scan: Scan, splits: list[str], classes: Collection[str]) -> dict[str, str]:
    """The label of each picture in image pretraining: the classes of its rows. Evaluation pictures have no label."""
    targets: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    for image_id, split, target in zip(scan.image_ids, splits, scan.targets, strict=True):
        shown.setdefault(image_id, set()).add(split)
        if target is not None and target in classes:
            targets.setdefault(image_id, set()).add(target.replace(";", ","))
    # A picture in several splits gets no label. It is a leak, and validation reports it.
    allowed = [{split} for split in PRETRAINING_SPLITS]
    return {image_id: ";".join(sorted(names)) for image_id, names in targets.items() if shown[image_id] in allowed}


def caption_of(entry: Entry) -> str:
    """A caption made from the target; a hash of the row's id chooses the wording."""
    if entry.target is None:
        return ""
    draw = hashlib.sha256(entry.id.encode()).digest()[0]
    return captions_of(entry.target)[draw % len(CAPTIONS)]


def captions_of(target: str) -> list[str]:
    """All captions that can be made from a target."""
    return [caption.format(target.replace("_", " ")) for caption in CAPTIONS]
