"""Tasks with scenes of their own, judged by `scene_reader`, which shares no code with the generator."""

import io
import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from components.data.samples import SampleWriter, describe, read
from components.data.scenes import generate, oracle
from components.study.tasks import TaskSettings
from tests.data.scenes.scene_reader import P, R, related, select
from tests.data.scenes.scene_settings import GENERAL, HELD_OUT, data_settings

TASKS = {
    "asked": TaskSettings(kind="vqa", few_labels=None),
    "pointing": TaskSettings(kind="grounding", few_labels=None),
    "finding": TaskSettings(kind="retrieval", few_labels=None),
    "judging": TaskSettings(kind="pair_statements", few_labels=None),
    "concluding": TaskSettings(kind="entailment", few_labels=None),
}
SIZES = {"train": 600, "validation": 101, "selection": 600, "gate": 64, "generalisation": 120}
SPLITS = ["train", "validation", "selection", "gate", *GENERAL]


class Data:
    """Everything that was written."""

    def __init__(self, folder: Path, tasks: dict[str, TaskSettings]) -> None:
        with SampleWriter(folder) as writer:
            generate.write(writer, data_settings(**SIZES), tasks, lambda percent, what: None)
        self.source = describe(folder)
        self.images: Any = pd.concat([batch.to_pandas() for batch in read(folder, "images")]).set_index("image_id")
        self.samples: Any = pd.concat([batch.to_pandas() for batch in read(folder, "samples")], ignore_index=True)

    def part(self, name: str) -> Any:
        return self.samples[self.samples.part == name]

    def scene(self, image: str) -> np.ndarray:
        return np.reshape(self.images.objects[image], (-1, 5))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return Data(tmp_path_factory.mktemp("own"), TASKS)


def test_other_tasks_stay_as_they_are(data: Data, tmp_path: Path) -> None:
    alone = Data(tmp_path, {"asked": TASKS["asked"]})
    for name in ("asked", "pairs", "text", "images"):
        pd.testing.assert_frame_equal(data.part(name).reset_index(drop=True), alone.part(name).reset_index(drop=True))
    common = data.images.loc[alone.images.index]
    pd.testing.assert_frame_equal(common, alone.images)


def test_the_order_of_the_keys_says_nothing(data: Data, tmp_path: Path) -> None:
    assert Data(tmp_path, dict(reversed(TASKS.items()))).source["digest"] == data.source["digest"]


def test_sets_are_whole_and_their_splits_apart(data: Data) -> None:
    assert data.source["answers"]["pointing"] == list("0123")
    assert data.source["answers"]["finding"] == list("01234567")
    for task, whole in (("pointing", 2), ("finding", 8), ("judging", 4), ("concluding", 3)):
        samples = data.part(task)
        counts = samples.groupby("split").size()
        assert set(counts.index) == set(SPLITS)
        for split in SPLITS:
            asked = SIZES.get(split, SIZES["generalisation"])
            assert asked <= counts[split] < asked + whole
            assert counts[split] % whole == 0
        assert set(samples.target) <= set(data.source["answers"][task])
        assert (samples.group == [data.images.group[ids[0]] for ids in samples.image_ids]).all()
    splits: dict[bytes, set[str]] = {}
    for sample in data.samples[data.samples.image_ids.str.len() > 0].itertuples():
        for image in sample.image_ids:
            scene = data.scene(image)
            held_out = any((colour, shape) in HELD_OUT for colour, shape, *_ in scene)
            assert held_out == (sample.split == "general_combinations")
            assert (len(scene) == 4) == (sample.split == "general_counts")
            ordered = scene[np.lexsort((scene[:, 3], scene[:, 4]))]
            splits.setdefault(ordered.tobytes(), set()).add(sample.split)
    assert max(map(len, splits.values())) == 1
    assert data.samples.id.is_unique
    assert data.images.index.is_unique


def test_no_word_is_news_outside_training(data: Data) -> None:
    def words(samples: Any) -> set[str]:
        return {word for text in samples.text for word in re.findall(r"\w+", text)}

    assert words(data.samples) == words(data.samples[data.samples.split == "train"])
    assert data.samples.text.str.findall(r"\w+|[^\w ]").str.len().max() <= 22


# Grounding.


def point(text: str, scene: np.ndarray) -> list[int]:
    """Indices of the objects that an expression means, read off its words."""
    text = text.replace(" in the picture", "").replace(" that is shown", "").replace(" that is", "")
    text = re.sub(r"^the ", "", text)
    if match := re.match(rf"{P}\s?{R} a thing {R} the {P}$", text):
        first, how, then, last = match.groups()
        return [
            index
            for index, one in enumerate(scene)
            if any(one is thing or (one == thing).all() for thing in select(scene, first))
            and any(
                related(one, how, two) and related(two, then, three)
                for two in scene
                for three in select(scene, last)
                if not (three == one).all()
            )
        ]
    kind, how, other = text, "", ""
    if match := re.match(rf"{P}\s?{R} the {P}$", text):
        kind, how, other = match.groups()
    elif match := re.match(rf"{R} the {P}\s?the {P}$", text):
        how, other, kind = match.groups()
    found = []
    for index, one in enumerate(scene):
        if not any((one == thing).all() for thing in select(scene, kind)):
            continue
        if not how or any(related(one, how, two) for two in select(scene, other)):
            found.append(index)
    return found


def test_expressions_mean_the_object_that_is_the_target(data: Data) -> None:
    for sample in data.part("pointing").itertuples():
        scene = data.scene(sample.image_ids[0])
        assert point(sample.text, scene) == [int(sample.target)], sample
        x, y, width, height = data.images.boxes[sample.image_ids[0]][int(sample.target)]
        column, row = scene[int(sample.target)][3:]
        assert (int((x + width / 2) // 12), int((y + height / 2) // 12)) == (column, row)


def test_something_else_is_nearly_meant(data: Data) -> None:
    """Without one of its words the expression means more than one object."""
    samples = data.part("pointing")
    for sample in samples[samples.form == "attributes"].itertuples():
        *words, noun = re.sub(r"^the | in the picture$| that is shown$", "", sample.text).split()
        shorter = [" ".join([*words[:k], *words[k + 1 :], noun]) for k in range(len(words))]
        looser = [*shorter, " ".join([*words, "thing"])]
        assert any(len(select(data.scene(sample.image_ids[0]), phrase)) > 1 for phrase in looser), sample


def test_grounding_pairs_are_complementary(data: Data) -> None:
    samples = data.part("pointing")
    for pair, group in samples.groupby("pair"):
        assert len(group) == 2, pair
        assert group.text.nunique() == group.form.nunique() == 1
        assert group.target.nunique() == 2
        cells = {tuple(data.scene(row.image_ids[0])[int(row.target)][3:]) for row in group.itertuples()}
        assert len(cells) == 2


def test_words_do_not_tell_the_index(data: Data) -> None:
    """The best guess by any one word of the text stays near always guessing the same."""
    samples = data.part("pointing")
    train, test = (samples[samples.split == split] for split in ("train", "selection"))
    base = test.target.value_counts(normalize=True).max()
    seen: dict[str, Counter[str]] = {}
    for sample in train.itertuples():
        for word in set(sample.text.split()):
            seen.setdefault(word, Counter())[sample.target] += 1
    right = []
    for sample in test.itertuples():
        score: Counter[str] = Counter()
        for word in set(sample.text.split()):
            total = sum(seen.get(word, Counter()).values())
            for index, count in seen.get(word, Counter()).items():
                score[index] += np.log((count + 1) / (total + 1)) + 10
        right.append(max(score, key=score.get) == sample.target)  # type: ignore[arg-type]
    assert np.mean(right) < base + 0.08


# Retrieval.


def test_texts_of_a_pool_are_true_of_their_own_picture_alone(data: Data) -> None:
    for group, rows in data.part("finding").groupby("group", sort=False):
        assert len(rows) == 8, group
        assert rows.target.tolist() == list("01234567")
        facts = oracle.pad(rows.facts.tolist())
        scenes = oracle.pad([data.images.objects[ids[0]].tolist() for ids in rows.image_ids])
        assert (oracle.holds(facts, scenes) == np.eye(8, dtype=bool)).all(), group


def test_pools_hold_hard_negatives(data: Data) -> None:
    """Every picture has another in its pool that shows the same objects but for one attribute of one of them."""
    for _, rows in data.part("finding").groupby("group"):
        looks = [Counter(map(tuple, data.scene(ids[0])[:, :3].tolist())) for ids in rows.image_ids]
        for place, own in enumerate(looks):
            assert any(_near(own, other) for k, other in enumerate(looks) if k != place)


def _near(own: Counter, other: Counter) -> bool:
    gone, come = list((own - other).elements()), list((other - own).elements())
    if len(gone) != len(come) or len(gone) > 1:
        return False
    return not gone or sum(a != b for a, b in zip(gone[0], come[0], strict=True)) == 1


# Statements about two pictures.

NUMBER = {"one": 1, "two": 2, "three": 3}


def shows(what: str, scene: np.ndarray) -> bool:
    """Whether a scene shows what the words say, from one object to a chain of three."""
    what = re.sub(r"^an? | an? | that is ", " ", f"{what}").strip()
    parts = re.split(rf" {R} ", f"{what} ".replace("  ", " ").strip())
    phrases, relations = parts[::2], parts[1::2]
    chains = [[one] for one in select(scene, phrases[0])]
    for how, phrase in zip(relations, phrases[1:], strict=True):
        chains = [[*chain, two] for chain in chains for two in select(scene, phrase) if related(chain[-1], how, two)]
    return bool(chains)


def judge(text: str, left: np.ndarray, right: np.ndarray) -> bool:
    """Whether a statement is true of two scenes, read off its words."""
    sides = {"left": left, "right": right}
    if match := re.fullmatch(r"(?:exactly|only) one picture shows (.*)|there is (.*) in exactly one picture", text):
        what = match[1] or match[2]
        return shows(what, left) != shows(what, right)
    if match := re.fullmatch(r"in (?:exactly|only) one picture (?:there is|you can see) (.*)", text):
        return shows(match[1], left) != shows(match[1], right)
    match = re.fullmatch(
        r"(?:both|each) pictures? shows? (.*)|there is (.*) in both pictures"
        r"|in (?:both|each) pictures? (?:there is|you can see) (.*)",
        text,
    )
    if match:
        what = match[1] or match[2] or match[3]
        return shows(what, left) and shows(what, right)
    match = re.fullmatch(
        r"the (left|right) picture shows (an? .*)|there is (.*) in the (left|right) picture"
        r"|in the (left|right) picture (?:there is|you can see) (an? .*)",
        text,
    )
    if match:
        side, what = match[1] or match[4] or match[5], match[2] or match[3] or match[6]
        return shows(what, sides[side])
    if "in all" in text:
        match = re.search(rf"(one|two|three) {P}(?: in all)?$", text)
        assert match, text
        return sum(len(select(scene, match[2])) for scene in (left, right)) == NUMBER[match[1]]
    match = re.fullmatch(
        rf"the (left|right) picture shows (more|fewer|as many) {P}\s?(?:than|as) the (?:left|right) picture", text
    )
    if match:
        side, how, kind = match.groups()
    else:
        match = re.search(
            rf"(more|fewer|as many) {P}\s?(?:in the (left|right) picture )?(?:than|as) in the (left|right) picture$",
            text,
        )
        assert match, text
        how, kind, side, other = match.groups()
        side = side or ("left" if other == "right" else "right")
    own, other = len(select(sides.pop(side), kind)), len(select(next(iter(sides.values())), kind))
    return {"more": own > other, "fewer": own < other, "as many": own == other}[how]


def test_statements_about_two_pictures_are_true_as_they_say(data: Data) -> None:
    for sample in data.part("judging").itertuples():
        left, right = (data.scene(image) for image in sample.image_ids)
        assert judge(sample.text, left, right) == (sample.target == "true"), sample


def test_neither_words_nor_either_picture_tell_truth(data: Data) -> None:
    samples = data.part("judging")
    samples = samples.assign(
        left=[ids[0] for ids in samples.image_ids],
        right=[ids[1] for ids in samples.image_ids],
        true=samples.target == "true",
    )
    for _, rows in samples.groupby("group"):
        assert len(rows) == 4
        assert rows.text.nunique() == 1
        assert rows.true.mean() == 0.5
        assert rows.groupby("pair").true.sum().tolist() == [1, 1]
        if rows.form.iloc[0] == "side":  # the words say which picture tells
            named = "left" if "left picture" in rows.text.iloc[0] else "right"
            assert (rows.groupby(named).true.nunique() == 1).all()
            assert (rows.groupby({"left": "right", "right": "left"}[named]).true.mean() == 0.5).all()
        elif rows.form.iloc[0] == "both":  # one side shows what is said in any case, the other side tells
            sides = {rows.groupby(side).true.nunique().iloc[0]: side for side in ("left", "right")}
            assert (rows.groupby(sides[2]).true.mean() == 0.5).all()
            assert (rows.groupby(sides[1]).true.nunique() == 1).all()
            always = [data.scene(name) for name in rows[sides[2]].unique()]
            true, false = (data.scene(rows[rows.true == truth][sides[1]].iloc[0]) for truth in (True, False))
            # What only the false one of the two has in common with the other side: without words, that is as good.
            assert (_looks(false) & _looks(always[0]) & _looks(always[1])) - _looks(true)
        elif rows.form.iloc[0] != "more":  # with the words, too
            assert (rows.groupby("left").true.mean() == 0.5).all()
            assert (rows.groupby("right").true.mean() == 0.5).all()
        else:
            both = pd.concat(
                [
                    rows[["left", "true"]].rename(columns={"left": "shown"}),
                    rows[["right", "true"]].rename(columns={"right": "shown"}),
                ]
            )
            assert (both.groupby("shown").true.mean() == 0.5).all()
    forms = samples[samples.split == "train"].form.value_counts(normalize=True)
    assert set(forms.index) == {"both", "side", "one", "total", "as_many", "more"}
    assert set(samples[samples.split == "general_relations"].form) == {"one"}


def _looks(scene: np.ndarray) -> set[tuple[int, ...]]:
    """Everything that can be said of the looks of single objects: values of colour, shape and size, 0 left open."""
    digits = [(colour, 15, size) for colour, shape, size, *_ in scene if shape > 4]
    things = [tuple(int(value) for value in thing) for thing in [*scene[:, :3].tolist(), *digits]]
    return {
        tuple(value * used for value, used in zip(thing, named, strict=True))
        for thing in things
        for named in itertools.product((0, 1), repeat=3)
        if any(named)
    }


# Entailment.

HALF = {"left": (3, (0, 1)), "right": (3, (2, 3)), "top": (4, (0, 1)), "bottom": (4, (2, 3))}
ANSWER = {"contradiction", "entailment", "neutral"}


def hidden_cells(image: bytes) -> set[tuple[int, int]]:
    """Cells (column, row) under a curtain: hatched in bright greys, corner to corner."""
    pixels = np.asarray(Image.open(io.BytesIO(image))).astype(int)
    grey = (pixels.max(axis=2) == pixels.min(axis=2)) & (pixels.max(axis=2) >= 80)
    return {
        (column, row)
        for column in range(4)
        for row in range(4)
        if grey[row * 12 : row * 12 + 12, column * 12 : column * 12 + 12].all()
    }


def conclude(text: str, scene: np.ndarray, hidden: set[tuple[int, int]]) -> str:
    """What a picture says of a hypothesis, read off its words."""
    half = next((word for word in HALF if f"{word} half" in text), "")
    plain = re.sub(r" ?(?:is )?in the (?:left|right|top|bottom) half(?: of the picture)?|in the picture", " ", text)
    plain = re.sub(r"^ *(?:there (?:is|are)|you can see|the picture shows|the \w+ half shows)? *", "", plain.strip())
    plain = re.sub(r"^ *(?:there (?:is|are)|you can see)? *| *(?:is shown|is) *$", "", plain).strip()
    denied = plain.startswith("no ")
    what = plain.removeprefix("no ")
    if re.search(rf" {R} ", what):
        what = re.sub(rf"(?: that)? is (?={R})", " ", what)
        if shows(what, scene):
            return "entailment"
        return "neutral" if hidden else "contradiction"
    field, inside = HALF.get(half, (3, (0, 1, 2, 3)))
    seen = any(thing[field] in inside for thing in select(scene, re.sub(r"^an? ", "", what)))
    covered = any(cell[field - 3] in inside for cell in hidden)
    if not seen and covered:
        return "neutral"
    return "entailment" if seen != denied else "contradiction"


def test_answers_to_hypotheses_are_right(data: Data) -> None:
    for sample in data.part("concluding").itertuples():
        image = sample.image_ids[0]
        scene, hidden = data.scene(image), hidden_cells(data.images.image[image])
        assert len(hidden) in (0, 4)
        assert not hidden & {(column, row) for column, row in scene[:, 3:].tolist()}
        assert conclude(sample.text, scene, hidden) == sample.target, sample


def test_a_hypothesis_does_not_tell_its_answer(data: Data) -> None:
    samples = data.part("concluding")
    hidden = samples.image_ids.map(lambda ids: len(hidden_cells(data.images.image[ids[0]])) > 0)
    for _, rows in samples.groupby("pair"):
        assert rows.text.nunique() == rows.form.nunique() == 1
        assert set(rows.target) == ANSWER
        assert len(rows) == 3
    assert hidden[samples.form == "place"].all()
    assert hidden[samples.target == "neutral"].all()
    shown = samples.form.isin(["presence", "absence"]) & (samples.target != "neutral")
    assert 0.2 < hidden[shown].mean() < 0.3
    assert set(samples[samples.split == "train"].form) == {"presence", "absence", "place"}


def test_nothing_hangs_before_other_pictures(data: Data) -> None:
    hung = {ids[0] for ids in data.part("concluding").image_ids}
    others = data.images.image[~data.images.index.isin(hung)]
    assert not any(hidden_cells(image) for image in others)
