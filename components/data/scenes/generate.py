"""The scenes source: draw every scene, and write pictures and samples.

Scene `index` of a split depends only on the seed, the split and the index. Scenes of the task splits come in complementary
pairs (2k, 2k + 1): the same questions and the same statement with different answers. Some kinds of task have their own scenes.

A replicate may draw training scenes of its own (`redraw`): as many, with the same mixture, from a seed that is its own.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from components.data.samples import Picture, Sample, SampleWriter
from components.data.scenes.captions import caption
from components.data.scenes.draw import Artist, Curtain
from components.data.scenes.items import draw_items, targets, task_samples
from components.data.scenes.language import noun_phrase
from components.data.scenes.oracle import SHAPE_CODES, Pattern, encode_facts, encode_scene
from components.data.scenes.questions import worded
from components.data.scenes.scene_pairs import draw_pair, form_of, wanted_answers
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import OwnScenes, own_scenes
from components.data.scenes.settings import ScenesSettings
from components.data.scenes.world import COLOUR_CODES, HELD_OUT, LAWS, SIZE_CODES, Scene, draw_scene
from components.study.data_settings import DataSettings
from components.study.tasks import TaskSettings
from components.tasks import TASKS


def write(
    writer: SampleWriter,
    settings: DataSettings,
    tasks: Mapping[str, TaskSettings],
    progress: Callable[[float, str], None],
) -> None:
    """Draw all parts of the study's data and describe them in `source.json`.

    Args:
        progress: called with the percentage done and the current activity.
    """
    scenes, artist = settings.scenes, Artist(settings.image_size)
    _draw(writer, _parts(writer, scenes, _in_order(tasks), artist), tasks, progress)


def redraw(
    writer: SampleWriter,
    settings: DataSettings,
    tasks: Mapping[str, TaskSettings],
    replicate: int,
    progress: Callable[[float, str], None],
) -> None:
    """Draw the training split of all parts for one replicate: as many scenes as `write` draws, and other ones.

    Args:
        replicate: its number is in the key of every scene, and all ids begin with it.
    """
    scenes, artist = settings.scenes, Artist(settings.image_size)
    scenes = scenes.model_copy(update={"seed": seed_of(scenes.seed, replicate)})
    named = _Named(writer, str(replicate))
    _draw(writer, _parts(named, scenes, _in_order(tasks), artist, only="train"), tasks, progress)


def seed_of(seed: int, replicate: int) -> int:
    """The seed of a replicate's own scenes: 64 bits of a hash."""
    digest = hashlib.blake2b(f"{seed}/replicate/{replicate}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@dataclass(frozen=True)
class _Named:
    """Passes on pictures and samples whose ids and groups begin with a name."""

    writer: SampleWriter
    name: str

    def picture(self, picture: Picture) -> None:
        self.writer.picture(replace(picture, image_id=self._named(picture.image_id), group=self._named(picture.group)))

    def sample(self, sample: Sample) -> None:
        identity, group, pair = (self._named(name) for name in (sample.id, sample.group, sample.pair))
        shown = [self._named(name) for name in sample.image_ids]
        self.writer.sample(replace(sample, id=identity, image_ids=shown, group=group, pair=pair))

    def _named(self, identity: str) -> str:
        return f"{self.name}/{identity}" if identity else ""


Writer = SampleWriter | _Named


def _draw(
    writer: SampleWriter,
    drawn: Iterable[tuple[str, int, Iterable[None]]],
    tasks: Mapping[str, TaskSettings],
    progress: Callable[[float, str], None],
) -> None:
    """Write the parts, and describe them in `source.json`."""
    parts = list(drawn)
    total = sum(count for _, count, _ in parts)
    done = 0
    for name, count, steps in parts:
        for written, _ in enumerate(steps, start=1):
            if written % 250 == 0:
                progress(100 * (done + min(written, count)) / total, f"drawing {name}")
        done += count
    writer.finish(
        source="scenes",
        oracle="scenes",
        answers={task: sorted(targets(task_settings.kind)) for task, task_settings in tasks.items()},
        image_labels=image_labels(),
        texts={"text": "generated sentences about scenes that are never drawn"},
    )
    progress(100, "scenes drawn")


def split_sizes(scenes: ScenesSettings) -> dict[str, int]:
    """How many scenes each split of the tasks has."""
    named = {name: getattr(scenes, name) for name in ("train", "validation", "selection", "gate")}
    return named | {name: scenes.generalisation for name in LAWS if name not in named}


def _in_order(tasks: Mapping[str, TaskSettings]) -> dict[str, TaskSettings]:
    """Sort the tasks by kind and name. The study's own order must not count, because DVC ignores the order of keys."""
    kinds = list(TASKS)
    return dict(sorted(tasks.items(), key=lambda named: (kinds.index(named[1].kind), named[0])))


def _parts(
    writer: Writer,
    scenes: ScenesSettings,
    tasks: Mapping[str, TaskSettings],
    artist: Artist,
    only: str | None = None,
) -> Iterator[tuple[str, int, Iterable[None]]]:
    """The parts to write: name, number of scenes, and an iterator that writes one scene at each step.

    Args:
        only: the one split to write; None for all of them.
    """
    for part, count, write_part in (
        ("pairs", scenes.pairs, _write_pairs),
        ("text", scenes.text_only, _write_text),
        ("images", scenes.image_only, _write_images),
    ):
        for split, size in (("train", count), ("validation", count // 10)):
            if only in (None, split):
                yield f"{part}, {split}", size, write_part(writer, scenes.seed, split, size, artist)
    own = {task: drawn for task, settings in tasks.items() if (drawn := own_scenes(settings.kind))}
    shared = {task: settings.kind for task, settings in tasks.items() if task not in own}
    for split, size in split_sizes(scenes).items():
        if only not in (None, split):
            continue
        if shared:
            yield split, size, _write_tasks(writer, scenes.seed, split, size, shared, artist)
        for task, drawn in own.items():
            yield f"{task}, {split}", size, _write_sets(writer, scenes.seed, split, size, task, drawn, artist)


def _write_pairs(writer: Writer, seed: int, split: str, size: int, artist: Artist) -> Iterator[None]:
    for index in range(size):
        identity = f"pairs-{split}-{index:06d}"
        stream = SceneRandom(seed, "pairs", split, index)
        scene = draw_scene(stream, LAWS[split])
        text, facts, form = caption(scene, stream, LAWS[split])
        writer.picture(_picture(identity, scene, seed, split, artist))
        writer.sample(
            Sample(identity, "pairs", split, [identity], text, group=identity, form=form, facts=encode_facts(facts))
        )
        yield


def _write_text(writer: Writer, seed: int, split: str, size: int, artist: Artist) -> Iterator[None]:
    """Write captions and, for a fifth of the texts, questions without answers, so that text encoders know question words."""
    for index in range(size):
        identity = f"text-{split}-{index:06d}"
        stream = SceneRandom(seed, "text", split, index)
        if index % 5 < 4:
            text, facts, form = caption(draw_scene(stream, LAWS[split]), stream, LAWS[split])
        else:
            form, _ = form_of(index // 5)
            pair = draw_pair(stream, LAWS[split], form, wanted_answers(form, index // 5, seed, "text", split))
            text, facts = worded(stream.choose(pair.asks), stream), []
        writer.sample(Sample(identity, "text", split, [], text, group=identity, form=form, facts=encode_facts(facts)))
        yield


def _write_images(writer: Writer, seed: int, split: str, size: int, artist: Artist) -> Iterator[None]:
    for index in range(size):
        identity = f"images-{split}-{index:06d}"
        scene = draw_scene(SceneRandom(seed, "images", split, index), LAWS[split])
        writer.picture(_picture(identity, scene, seed, split, artist, label=";".join(labels_of(scene))))
        writer.sample(Sample(identity, "images", split, [identity], group=identity))
        yield


def _write_tasks(
    writer: Writer, seed: int, split: str, size: int, kinds: Mapping[str, str], artist: Artist
) -> Iterator[None]:
    for number in range((size + 1) // 2):
        items = draw_items(seed, split, number)[: size - 2 * number]
        for item in items:
            writer.picture(_picture(item.identity, item.scene, seed, split, artist))
            for task, kind in kinds.items():
                for sample in task_samples(item, task, kind, paired=len(items) == 2):
                    writer.sample(sample)
            yield


def _write_sets(
    writer: Writer, seed: int, split: str, size: int, task: str, own: OwnScenes, artist: Artist
) -> Iterator[None]:
    """Write whole sets, as many as hold at least `size` samples."""
    for number in range(-(-size // own.size)):
        drawn = own.draw(seed, split, number, task)
        for shown in drawn.pictures:
            picture = _picture(
                shown.identity, shown.scene, seed, split, artist, group=shown.group, curtain=shown.curtain
            )
            writer.picture(picture)
        for sample in drawn.samples:
            writer.sample(sample)
            yield


def _picture(
    identity: str,
    scene: Scene,
    seed: int,
    split: str,
    artist: Artist,
    label: str | None = None,
    group: str | None = None,
    curtain: Curtain | None = None,
) -> Picture:
    png, boxes = artist.picture(scene, SceneRandom(seed, "picture", identity), LAWS[split], curtain)
    classes = [_label(Pattern(shape=thing.shape)) for thing in scene]
    attributes = [_label(Pattern(colour=thing.colour)) for thing in scene]
    return Picture(identity, png, group or identity, encode_scene(scene), boxes, label, classes, attributes)


def labels_of(scene: Scene) -> list[str]:
    """The labels that image pretraining predicts for a scene: its colours, shapes, sizes and coloured shapes."""
    patterns = {
        pattern
        for thing in scene
        for pattern in (
            Pattern(colour=thing.colour),
            Pattern(shape=thing.shape),
            Pattern(size=thing.size),
            Pattern(thing.colour, thing.shape),
        )
    }
    return sorted(map(_label, patterns))


def image_labels() -> list[str]:
    """Every label; held-out combinations of colour and shape have none."""
    shapes = range(1, SHAPE_CODES + 1)
    return sorted(
        [_label(Pattern(colour=colour)) for colour in COLOUR_CODES]
        + [_label(Pattern(shape=shape)) for shape in shapes]
        + [_label(Pattern(size=size)) for size in SIZE_CODES]
        + [_label(Pattern(*pair)) for pair in ((c, s) for c in COLOUR_CODES for s in shapes) if pair not in HELD_OUT]
    )


def _label(pattern: Pattern) -> str:
    """'red', 'circle', 'digit 3', 'small', 'red circle', 'red digit 3'."""
    words = noun_phrase(pattern).removesuffix(" thing").split()
    return " ".join(f"digit {word}" if word.isdigit() else word for word in words)
