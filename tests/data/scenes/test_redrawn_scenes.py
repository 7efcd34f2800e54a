"""Training scenes that a replicate draws for itself: as many, of the same mixture, and shared with nobody."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from components.data.samples import SampleWriter, describe, digest_of, read
from components.data.scenes import generate
from components.files.digests import digest_of_bytes
from components.study.tasks import TaskSettings
from tests.data.scenes.scene_settings import data_settings

SIZES = {"pairs": 90, "text_only": 100, "image_only": 80}
TASKS = {
    "asked": TaskSettings(kind="vqa", few_labels=None),
    "told": TaskSettings(kind="statements", few_labels=None),
    "found": TaskSettings(kind="retrieval", few_labels=None),
    "pointed": TaskSettings(kind="grounding", few_labels=None),
}


class Drawn:
    """What one replicate trains on, or the whole data set where none is named."""

    def __init__(self, folder: Path, replicate: int | None = None) -> None:
        settings = data_settings(**SIZES)
        scenes = settings.scenes.model_copy(update={"train": 80, "selection": 40, "generalisation": 32})
        settings = settings.model_copy(update={"scenes": scenes, "redrawn": replicate is not None})
        with SampleWriter(folder) as writer:
            if replicate is None:
                generate.write(writer, settings, TASKS, lambda percent, what: None)
            else:
                generate.redraw(writer, settings, TASKS, replicate, lambda percent, what: None)
        self.folder = folder
        self.images: Any = pd.concat([batch.to_pandas() for batch in read(folder, "images")], ignore_index=True)
        self.samples: Any = pd.concat([batch.to_pandas() for batch in read(folder, "samples")], ignore_index=True)
        self.trained = self.samples[self.samples.split == "train"]

    @property
    def names(self) -> set[str]:
        """Everything that a sample or a picture is called by."""
        columns = [self.samples.id, self.samples.group, self.samples.pair, self.images.image_id, self.images.group]
        return set().union(*columns) - {""}

    @property
    def mixture(self) -> Counter[tuple[str, str]]:
        """Training samples per part, questions per form. A scene has a second question only where one can be asked."""
        rows = zip(self.trained.part, self.trained.form, self.trained.id, strict=True)
        return Counter(
            (part, form if part == "asked" else "") for part, form, name in rows if part != "asked" or name[-2:] == "-0"
        )

    @property
    def looks(self) -> set[str]:
        return {digest_of_bytes(image) for image in self.images.image}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[int | None, Drawn]:
    folder = tmp_path_factory.mktemp("drawn")
    return {replicate: Drawn(folder / str(replicate), replicate) for replicate in (None, 0, 1, 32)}


def test_no_picture_and_no_name_is_shared(drawn: dict[int | None, Drawn]) -> None:
    for what in ("names", "looks"):
        found = [getattr(one, what) for one in drawn.values()]
        assert all(found)
        assert len(set().union(*found)) == sum(map(len, found)), what


def test_texts_alone_are_others_too(drawn: dict[int | None, Drawn]) -> None:
    """Short sentences meet again by chance, but not at the same place."""
    texts = [one.trained[one.trained.part == "text"].text.tolist() for one in drawn.values()]
    same = [sum(map(str.__eq__, a, b)) for index, a in enumerate(texts) for b in texts[:index]]
    assert max(same) < len(texts[0]) / 5


def test_every_drawing_has_as_many_scenes_of_the_same_mixture_and_no_tests(drawn: dict[int | None, Drawn]) -> None:
    whole = drawn[None]
    trained = Counter(name for names in whole.trained.image_ids for name in names)
    for replicate in (0, 1, 32):
        one = drawn[replicate]
        assert set(one.samples.split) == {"train"}
        assert one.mixture == whole.mixture
        assert {part for part, _ in one.mixture} == {"pairs", "text", "images", *TASKS}
        shown = {name for names in one.samples.image_ids for name in names}
        assert shown == set(one.images.image_id)
        assert len(shown) == len(trained)
        for key in ("source", "oracle", "answers", "image_labels"):
            assert describe(one.folder)[key] == describe(whole.folder)[key]


def test_a_replicate_draws_the_same_again_and_the_data_set_does_not_know_of_it(
    tmp_path: Path, drawn: dict[int | None, Drawn]
) -> None:
    again = Drawn(tmp_path / "again", 1)
    assert digest_of(again.folder) == digest_of(drawn[1].folder)
    assert len({digest_of(one.folder) for one in drawn.values()}) == len(drawn)
