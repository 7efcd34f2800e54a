"""The written data, judged by code that shares nothing with the generator but the numbering of the objects."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from components.data.samples import SampleWriter, describe, read
from components.data.scenes import generate, oracle
from components.study.tasks import TaskSettings
from tests.data.scenes.scene_reader import COLOURS, NUMBERS, SHAPES, P, R, read_phrase, solve
from tests.data.scenes.scene_settings import HELD_OUT, SIZES, data_settings

TASKS = {
    "asked": TaskSettings(kind="vqa", few_labels=None),
    "told": TaskSettings(kind="statements", few_labels=None),
    "sorted": TaskSettings(kind="classification", few_labels=None),
}


class Data:
    """Everything that was written."""

    def __init__(self, folder: Path) -> None:
        self.progress: list[tuple[float, str]] = []
        with SampleWriter(folder) as writer:
            generate.write(writer, data_settings(), TASKS, lambda percent, what: self.progress.append((percent, what)))
        self.source = describe(folder)
        self.images: Any = pd.concat([batch.to_pandas() for batch in read(folder, "images")]).set_index("image_id")
        self.samples: Any = pd.concat([batch.to_pandas() for batch in read(folder, "samples")], ignore_index=True)
        self.scenes = {name: np.reshape(row, (-1, 5)) for name, row in self.images.objects.items()}

    def part(self, name: str) -> Any:
        return self.samples[self.samples.part == name]

    def scene(self, sample: Any) -> np.ndarray:
        return self.scenes[sample.image_ids[0]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return Data(tmp_path_factory.mktemp("scenes"))


def holding(data: Data, samples: Any) -> list[bool]:
    facts = oracle.pad(samples.facts.tolist())
    scenes = oracle.pad([data.scene(sample).ravel().tolist() for sample in samples.itertuples()])
    return [bool(oracle.holds(facts[k : k + 1], scenes[k : k + 1])[0, 0]) for k in range(len(samples))]


def words_of(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"\w+", text)}


def test_answers_are_right(data: Data) -> None:
    questions = data.part("asked")
    for question in questions.itertuples():
        assert solve(question.text, data.scene(question)) == question.target, question
    per_scene = questions.groupby("split").size() / pd.Series(SIZES)
    assert 1.7 < per_scene.pop("train") <= 2
    assert (per_scene == 1).all()


def test_answers_are_balanced_within_each_form(data: Data) -> None:
    questions = data.part("asked")
    for split in ("train", "selection"):
        for form, group in questions[questions.split == split].groupby("form"):
            counts = group.target.value_counts()
            assert set(counts.index) == set(answers_of(form))
            assert chisquare(counts).pvalue > 0.9, (split, form, counts)
    shares = questions[questions.split == "selection"].form.value_counts(normalize=True)
    assert 0.72 <= shares[["existence", "counting", "colour", "shape"]].sum() <= 0.78
    assert set(questions[questions.split == "general_relations"].form) == {"relation"}


def answers_of(form: str) -> list[str]:
    return {
        "counting": NUMBERS[:4],
        "colour": COLOURS,
        "shape": SHAPES[:4],
        "digit": SHAPES[4:],
        "sum": [str(number) for number in range(1, 10)],
    }.get(form, ["yes", "no"])


def test_a_question_does_not_give_its_answer_away(data: Data) -> None:
    """Guessing by the words, learnt on one split and scored on another, stays near guessing by the form."""
    questions = data.part("asked")
    seen: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for question in questions[questions.split == "train"].itertuples():
        for word in words_of([question.text]) | {""}:
            seen[question.form, word][question.target] += 1
    right: dict[str, list[bool]] = defaultdict(list)
    for question in questions[questions.split == "selection"].itertuples():
        score: Counter[str] = Counter()
        for word in words_of([question.text]):
            total = sum(seen[question.form, word].values())
            for answer, count in seen[question.form, word].items():
                score[answer] += np.log((count + 1) / (total + 1)) + 10
        right[question.form].append(max(score, key=score.get) == question.target)  # type: ignore[arg-type]
    for form, hits in right.items():
        chance = 1 / len(answers_of(form))
        # Shapes and colours are a little uneven by design: held-out combinations do not occur.
        assert np.mean(hits) < chance + 0.06 + 2 * np.sqrt(chance * (1 - chance) / len(hits)), form


def test_pairs_are_complementary(data: Data) -> None:
    for task in ("asked", "told"):
        samples = data.part(task)
        for pair, group in samples[samples.pair != ""].groupby("pair"):
            assert len(group) == 2, pair
            assert group.text.nunique() == 1
            assert group.target.nunique() == 2
            assert group.group.nunique() == 2
            assert group.split.nunique() == 1
        unpaired = samples[samples.pair == ""]
        assert set(unpaired.split) == {"validation"}  # of odd size: its last scene has no other
        assert unpaired.group.nunique() == 1


def test_statements_are_true_or_false_as_they_say(data: Data) -> None:
    statements = data.part("told")
    assert holding(data, statements) == (statements.target == "true").tolist()
    for split, group in statements.groupby("split"):
        assert len(group) == SIZES[split]
        assert abs(2 * (group.target == "true").sum() - len(group)) <= 1
    balance = statements[statements.pair != ""].groupby("text").target.agg(lambda targets: (targets == "true").mean())
    assert (balance == 0.5).all()
    assert {"attribute", "count", "relation", "comparison"} <= set(statements.form)


def test_a_picture_alone_tells_nothing_about_truth(data: Data) -> None:
    """What the scenes of true and of false statements hold differs by chance only."""
    statements = data.part("told")
    statements = statements[statements.split.isin(["train", "selection"])]
    for describe_scene in (
        lambda scene: len(scene),
        lambda scene: len(set(map(tuple, scene[:, :2]))) < len(scene),
        lambda scene: (scene[:, 1] >= 5).sum(),
        lambda scene: (scene[:, 2] == 2).sum(),
        lambda scene: len(set(scene[:, 0])),
    ):
        values = np.array([float(describe_scene(data.scene(sample))) for sample in statements.itertuples()])
        true = (statements.target == "true").to_numpy()
        error = values.std() * np.sqrt(4 / len(values))
        assert abs(values[true].mean() - values[~true].mean()) < 4 * error


def test_captions_hold_and_complete_ones_name_everything(data: Data) -> None:
    captions = data.part("pairs")
    assert captions.split.value_counts().to_dict() == {"train": 400, "validation": 40}
    assert all(holding(data, captions))
    complete = captions[captions.form == "complete"]
    assert 0.65 < len(complete) / len(captions) < 0.85
    for caption in complete.itertuples():
        named: Counter[tuple[int, int]] = Counter()
        for count, phrase in re.findall(rf"\b(an?|another|two|three) {P}(?=,| and|$)", caption.text):
            if "thing" not in phrase:
                colour, shape = (read_phrase(phrase)[field][0] for field in (0, 1))
                named[colour, shape] += {"two": 2, "three": 3}.get(count, 1)
        assert named == Counter((colour, shape) for colour, shape, *_ in data.scene(caption)), caption.text
    assert captions.text.nunique() > 350
    lengths = data.samples.text.str.findall(r"\w+|[^\w ]").str.len()
    assert lengths.max() <= 20
    texts = data.part("text")
    assert (texts.image_ids.str.len() == 0).all()
    assert texts.split.value_counts().to_dict() == {"train": 300, "validation": 30}


def test_labels_name_what_is_there(data: Data) -> None:
    listed = set(data.source["image_labels"])
    assert len(listed) == 6 + 14 + 2 + 6 * 14 - len(HELD_OUT)
    pictures = data.part("images")
    assert pictures.split.value_counts().to_dict() == {"train": 200, "validation": 20}
    for sample in pictures.itertuples():
        expected = set()
        for colour, shape, size, _, _ in data.scene(sample):
            name = SHAPES[shape - 1]
            name = f"digit {name}" if name.isdigit() else name
            expected |= {COLOURS[colour - 1], name, f"{COLOURS[colour - 1]} {name}", ("small", "large")[size - 1]}
        labels = data.images.label[sample.image_ids[0]].split(";")
        assert set(labels) == expected <= listed
        assert len(labels) == len(expected)
    without = data.images.loc[~data.images.index.isin(pictures.id)]
    assert without.label.isna().all()


def test_digits_are_counted(data: Data) -> None:
    samples = data.part("sorted")
    assert all(holding(data, samples))
    for sample in samples.itertuples():
        assert sample.target == NUMBERS[(data.scene(sample)[:, 1] >= 5).sum()]


def test_targets_are_listed(data: Data) -> None:
    for task in TASKS:
        assert set(data.part(task).target) <= set(data.source["answers"][task])
        assert data.source["answers"][task] == sorted(set(data.source["answers"][task]))
    assert data.source["oracle"] == data.source["source"] == "scenes"


def test_no_scene_is_in_two_splits(data: Data) -> None:
    splits: dict[bytes, set[str]] = defaultdict(set)
    by_picture = data.samples[data.samples.image_ids.str.len() == 1]
    for sample in by_picture.itertuples():
        splits[data.scene(sample).tobytes()].add(sample.split)
        assert sample.group == sample.image_ids[0] == data.images.group.get(sample.image_ids[0], sample.group)
        assert sample.split in sample.group
    assert max(map(len, splits.values())) == 1
    assert set.union(*splits.values()) == set(SIZES)
    assert data.samples.id.is_unique
    assert data.images.index.is_unique


def test_held_out_content_is_held_out(data: Data) -> None:
    phrases = re.compile("|".join(f"{COLOURS[colour - 1]} {SHAPES[shape - 1]}" for colour, shape in HELD_OUT))
    for sample in data.samples.itertuples():
        if sample.split != "general_combinations":
            assert not phrases.search(sample.text), sample.text
            for row in oracle.decode_facts(sample.facts):
                assert not {row.a[:2], row.b[:2], row.c[:2]} & HELD_OUT
        if len(sample.image_ids):
            scene = data.scene(sample)
            new = any((colour, shape) in HELD_OUT for colour, shape, *_ in scene.tolist())
            assert new == (sample.split == "general_combinations")
            assert (len(scene) == 4) == (sample.split == "general_counts")
            assert 1 <= len(scene) <= 4
            assert len({tuple(thing[3:]) for thing in scene}) == len(scene)
    seen = np.concatenate([data.scene(sample) for sample in data.part("asked").itertuples() if sample.split == "train"])
    assert {tuple(row) for row in seen[:, :2].tolist()} | HELD_OUT == {
        (c, s) for c in range(1, 7) for s in range(1, 15)
    }


def test_paraphrases_are_new_wordings_of_known_words(data: Data) -> None:
    def wordings(samples: Any) -> set[str]:
        phrase = re.compile(rf"\b(?:an? )?{P}(?=[ ,?]|$)|\b(?:zero|one|two|three|\d+)\b")
        return {phrase.sub("_", re.sub(R, "REL", text)) for text in samples.text}

    tasks = data.samples[data.samples.part.isin(["asked", "told"])]
    new = tasks.split == "general_paraphrases"
    others = data.samples[data.samples.split != "general_paraphrases"]
    assert len(wordings(tasks[new])) > 20
    assert not wordings(tasks[new]) & wordings(others)
    training = data.samples[data.samples.split == "train"]
    assert words_of(data.samples.text) - words_of(training.text) <= {str(number) for number in range(10, 19)}


def test_relations_of_two_steps_occur_in_one_split_only(data: Data) -> None:
    longer = data.samples.text.str.count(R).ge(2)
    tasks = data.samples.part.isin(["asked", "told"])
    assert (longer[tasks] == (data.samples.split[tasks] == "general_relations")).all()


def test_progress_is_told(data: Data) -> None:
    percentages = [percent for percent, _ in data.progress]
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100
    assert len(percentages) > 5


def test_a_scene_does_not_depend_on_how_many_there_are(data: Data, tmp_path: Path) -> None:
    with SampleWriter(tmp_path) as writer:
        settings = data_settings(pairs=64, text_only=64, image_only=64, train=64, selection=32, generalisation=32)
        generate.write(writer, settings, {"told": TASKS["told"]}, lambda percent, what: None)
    fewer = pd.concat([batch.to_pandas() for batch in read(tmp_path, "images")]).set_index("image_id")
    assert len(fewer) < len(data.images)
    again = data.images.loc[fewer.index]
    assert (fewer.image == again.image).all()
    assert [row.tolist() for row in fewer.objects] == [row.tolist() for row in again.objects]


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        yield path.name, hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.data.scenes import test_scenes_data as here
with here.SampleWriter(Path(sys.argv[1])) as writer:
    settings = here.data_settings(pairs=64, text_only=64, image_only=64, train=64, selection=32, generalisation=32)
    here.generate.write(writer, settings, here.TASKS, lambda percent, what: None)
"""
    written = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."}
        root = Path(__file__).parents[3]
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True, cwd=root, env=environment)
        written.append(list(digests(folder)))
    assert written[0] == written[1]
    assert len(written[0]) == 3
