"""Tables of facts for validation: one row for each picture, for each sample, and for each part and split.

Pictures are read in batches. The tables keep short hashes of pixels and texts, not the pixels and texts themselves. Columns
called `..._problem` hold a problem in words and are empty where there is none.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from components.data.images import BombError, DamagedError, UnreadableError, decode
from components.data.picture_survey import PictureSurvey
from components.data.samples import GENERALISATION_PREFIX
from components.data.validation.split_targets import TargetProblems, target_problems
from components.errors import CeterisError
from components.files.digests import digest_of_bytes

PRETRAINING_PARTS = ("pairs", "text", "images")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PICTURE_TYPES = {
    "file": "str",
    "row": "int64",
    "name": "str",
    "image_id": "str",
    "problem": "str",
    "reason": "str",
    "unread": "str",
    "stand_in": "str",
    "pixels": "float64",
    "shortest": "float64",
    "aspect": "float64",
    "mode": "object",
    "format": "object",
    "boxes_outside": "int64",
}
_SAMPLE_TYPES = {
    "file": "str",
    "row": "int64",
    "name": "str",
    "id": "str",
    "part": "str",
    "split": "str",
    "target": "str",
    "group": "str",
    "characters": "int64",
    "text_problem": "str",
    "text_oddity": "str",
    "target_problem": "str",
    "picture_problem": "str",
    "look": "str",
    "words": "str",
}


@dataclass(frozen=True)
class Look:
    """The facts of one encoded picture. Problems are in words that follow "a picture that".

    Attributes:
        problem: why it cannot be decoded, in the same words for all such pictures.
        reason: the decoder's message about this picture, if it is damaged.
        unread: its format, if that is not read.
        stand_in: what the file is instead of the picture, such as a Git LFS pointer.
        look: a key that is equal for pictures that look the same.
    """

    problem: str = ""
    reason: str = ""
    unread: str = ""
    stand_in: str = ""
    pixels: float = float("nan")
    width: int = 0
    height: int = 0
    mode: str | None = None
    format: str | None = None
    look: str = ""


def look_at(data: bytes, survey: PictureSurvey | None = None, name: str = "") -> Look:
    """Decode a picture, unless its header declares too many pixels.

    Args:
        data: the encoded picture.
        survey: to which the decoded picture is added, so that it need not be decoded again.
        name: of the picture in the survey.
    """
    try:
        picture = decode(data)
    except BombError as error:
        return Look(pixels=error.pixels)
    except DamagedError as error:
        return Look(problem="is damaged", reason=error.reason)
    except UnreadableError as error:
        what = f"is {error.kind.what}"
        return Look(stand_in=what) if error.kind.stand_in else Look(unread=what)
    except CeterisError as error:
        # The advice after the last colon is for a single picture; findings have advice of their own.
        return Look(problem=str(error).rpartition(": ")[0].removeprefix("the picture ").replace("the bytes are", "is"))
    if survey is not None:
        survey.add_decoded(picture, name)
    known = picture.facts(data)
    return Look(
        pixels=float(known.width * known.height),
        width=known.width,
        height=known.height,
        mode=known.mode,
        format=known.format,
        look=known.pixel_hash[:24],
    )


@dataclass
class PictureTable:
    """Collects the facts of pictures."""

    rows: dict[str, list] = field(default_factory=lambda: {name: [] for name in _PICTURE_TYPES if name != "name"})
    looks: dict[str, str] = field(default_factory=dict)

    def add(self, file: str, row: int, image_id: str, look: Look, boxes: Sequence[Sequence[float]] | None) -> None:
        """Add one picture. `looks` keeps the look of each id, for the samples that show it."""
        self.looks[image_id] = look.look
        sides = (look.width, look.height)
        values = {
            "file": file,
            "row": row,
            "image_id": image_id,
            "problem": look.problem,
            "reason": look.reason,
            "unread": look.unread,
            "stand_in": look.stand_in,
            "pixels": look.pixels,
            "shortest": float(min(sides)) if look.width else float("nan"),
            "aspect": max(sides) / min(sides) if look.width else float("nan"),
            "mode": look.mode,
            "format": look.format,
            "boxes_outside": _outside(boxes, look) if boxes is not None and len(boxes) and look.width else 0,
        }
        for name, value in values.items():
            self.rows[name].append(value)

    def frame(self, shown_by: Mapping[str, str] | None = None) -> pd.DataFrame:
        """The table; `shown_by` names each picture by a sample that shows it."""
        names = [(shown_by or {}).get(image_id, "") for image_id in self.rows["image_id"]]
        return pd.DataFrame(self.rows | {"name": names}).astype(_PICTURE_TYPES)


def _outside(boxes: Sequence[Sequence[float]], look: Look) -> int:
    """How many boxes (x, y, width, height) leave the picture by more than 1.5 pixels, or have no area."""
    right, bottom = look.width + 1.5, look.height + 1.5
    inside = (
        min(x, y) >= -1.5 and min(width, height) > 0 and x + width <= right and y + height <= bottom
        for x, y, width, height in boxes
    )
    return sum(not each for each in inside)


@dataclass
class SampleTable:
    """Collects the facts of samples."""

    rows: dict[str, list] = field(default_factory=lambda: {name: [] for name in _SAMPLE_TYPES})

    def add(
        self,
        file: str,
        row: int,
        id: str,
        part: str,
        split: str,
        text: str,
        target: str | None,
        group: str,
        pictures: Iterable[str | None],
        name: str = "",
    ) -> None:
        """Add one sample; `pictures` are the looks of its pictures, None for a picture that does not exist."""
        looks = list(pictures)
        values = {
            "file": file,
            "row": row,
            "name": name,
            "id": id,
            "part": part,
            "split": split,
            "target": target or "",
            "group": group,
            "characters": len(text),
            "text_problem": "" if text.strip() else "has no text",
            "text_oddity": _oddity(text),
            "target_problem": "" if target else "has no target",
            "picture_problem": "refers to a picture that is not there" if None in looks else "",
            "look": "+".join(look or "" for look in looks),
            "words": digest_of_bytes(" ".join(text.lower().split()).encode())[:24] if text else "",
        }
        for name, value in values.items():
            self.rows[name].append(value)

    def frame(self, tasks: Sequence[str], textless: Sequence[str], positional: Sequence[str] = ()) -> pd.DataFrame:
        """The table, with the columns that depend on all rows together.

        Args:
            tasks: parts whose rows need a target.
            textless: tasks that need no texts. If some of their rows have a text, all must have one.
            positional: tasks whose targets are positions in a list; training need not have seen all of them.
        """
        frame = pd.DataFrame(self.rows).astype(_SAMPLE_TYPES)
        needs_text = frame["part"] != "images"
        for task in textless:
            mine = frame["part"] == task
            if not (frame.loc[mine, "text_problem"] == "").any():
                needs_text &= ~mine
        frame.loc[~needs_text, "text_problem"] = ""
        frame.loc[~frame["part"].isin(tasks), "target_problem"] = ""
        frame["known_part"] = frame["part"].isin([*PRETRAINING_PARTS, *tasks])
        frame["missed"] = False
        for task in sorted(set(tasks) - set(positional)):
            mine = frame["part"] == task
            trained = set(frame.loc[mine & (frame["split"] == "train"), "target"])
            frame["missed"] |= mine & frame["split"].ne("") & frame["target"].ne("") & ~frame["target"].isin(trained)
        frame["picture_leak"] = _leaks(frame, "look")
        frame["group_leak"] = _leaks(frame, "group")
        key = (
            frame["part"]
            + "\0"
            + frame["split"]
            + "\0"
            + frame["look"]
            + "\0"
            + frame["words"]
            + "\0"
            + frame["target"]
        )
        copies = key.map(key.value_counts())
        frame["copies"] = copies.where(frame["part"].isin(tasks), 1).astype("int64")
        return frame


def _oddity(text: str) -> str:
    if "\ufffd" in text:
        return "has characters lost in a wrong encoding (\N{REPLACEMENT CHARACTER})"
    return "has control characters in its text" if _CONTROL.search(text) else ""


def role_of(split: str) -> str:
    """The role of a split. Splits of one role may share pictures: generalisation splits have the role of the selection split."""
    return "selection" if split.startswith(GENERALISATION_PREFIX) else split


def _leaks(frame: pd.DataFrame, column: str) -> pd.Series:
    """For every row the roles in which its group or one of its pictures occurs, joined, if there are several; else empty."""
    roles: defaultdict[str, set[str]] = defaultdict(set)
    cells = [cell.split("+") if column == "look" else [cell] for cell in frame[column]]
    role_by_split = {split: role_of(split) for split in frame["split"].unique()}
    own = frame["split"].map(role_by_split)
    for things, role in zip(cells, own, strict=True):
        for thing in things:
            if thing and role:
                roles[thing].add(role)
    leaks = {thing: " and ".join(sorted(found)) for thing, found in roles.items() if len(found) > 1}
    return pd.Series([next((leaks[thing] for thing in things if thing in leaks), "") for things in cells], dtype="str")


def parts_frame(
    samples: pd.DataFrame, tasks: Sequence[str], splits: Sequence[str], pretraining: bool, place: str
) -> pd.DataFrame:
    """The number of rows of each part in each split that it needs or has, with the problems of their targets.

    Args:
        samples: the table of samples.
        tasks: parts that need every one of `splits`.
        splits: the splits that must not be empty.
        pretraining: whether the pretraining parts are needed too.
        place: the file that findings name.
    """
    counts = Counter(zip(samples["part"], samples["split"], strict=True))
    needed = [(task, split) for task in tasks for split in splits]
    needed += [(part, "train") for part in PRETRAINING_PARTS] if pretraining else []
    keys = sorted({*needed, *(key for key in counts if key[1])})
    rows_of = {task: samples[samples["part"] == task] for task in tasks}
    wrong = {
        (part, split): target_problems(rows_of[part], split) if part in rows_of else TargetProblems()
        for part, split in keys
    }
    return pd.DataFrame(
        {
            "file": [place for _ in keys],
            "row": range(len(keys)),
            "name": [f"{part} {split}" if pretraining else split for part, split in keys],
            "part": [part for part, _ in keys],
            "split": [split for _, split in keys],
            "rows": [counts[key] for key in keys],
            "evaluated": [counts[key] if key[0] in tasks and key[1] != "train" else None for key in keys],
            "one_target": [wrong[key].one for key in keys],
            "outside": [wrong[key].outside for key in keys],
            "foreign": [wrong[key].foreign for key in keys],
        }
    ).astype({"file": "str", "row": "int64", "name": "str", "rows": "int64", "evaluated": "float64"})
