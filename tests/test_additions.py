"""An architecture, an objective, a task or a source is added with one file and one row: each is added here from a folder."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.catalogue import ArchitectureRow, Metric, ObjectiveRow, SourceRow, TaskRow
from components.data.batches import FURTHER
from components.data.samples import SampleWriter, read
from components.data.scenes.generate import write as write_scenes
from components.data.sources import SOURCES
from components.data.sources.source import write
from components.evaluation.certificate.digests import passes_of
from components.evaluation.findings import measure
from components.evaluation.formatting import readable
from components.evaluation.leaderboard.entries import TaskEntry
from components.models.architectures import ARCHITECTURES
from components.objectives import OBJECTIVES
from components.stages.pretrain import ingredients_for
from components.study.capabilities import lacks, norm_of
from components.study.loading import load_study, parse_study
from components.study.plan import cannot, fine_tunings, served_tasks
from components.study.study import Study
from components.tasks import TASKS
from components.tasks.task import Task
from tests.training.small_run import network, trained

ROOT = Path(__file__).parents[1]
Place = Callable[[str], str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Writes a module of a given text and gives its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_module(text: str) -> str:
        name = f"added_{abs(hash(text))}"
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return name

    return write_module


def study() -> Study:
    """The default study, in which an arm is of the architecture `added`."""
    content = load_study(ROOT / "params.yaml").model_dump(mode="json")
    content["arms"]["vilt"] |= {"architecture": "added"}
    return parse_study(content, "added.yaml")


ARCHITECTURE = """
from components.models.architectures.vilt import ViLT
from components.models.passes import Pass, Pretraining

class Added(ViLT):
    PRETRAINING = Pretraining((Pass(losses=(("{loss}", 1.0),), words=True, mismatched="images"),))
"""
ROW: dict[str, Any] = {"written": "AdDeD", "offers": ("texts",), "norm": "pre"}


def test_an_architecture_is_one_file_and_one_row(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = place(ARCHITECTURE.format(loss="itm"))
    monkeypatch.setitem(ARCHITECTURES, "added", ArchitectureRow(place=f"{module}:Added", **ROW))
    assert fine_tunings(study(), "vilt", "vqa")
    assert lacks("added", "grounding") == "it reads no pictures"
    assert norm_of("added", None) == "pre"
    assert readable("added") == "AdDeD"
    record = trained("added", tmp_path / "run.ckpt", "cpu", samples=32)
    assert record["steps"] == 2
    assert set(record["metrics"]) == {"loss", "itm/loss", "itm/accuracy"}


def test_an_objective_is_one_file_and_one_row(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = place(
        """
from components.objectives.itm import ImageTextMatching

class Added(ImageTextMatching):
    def forward(self, model, states, batch):
        loss, figures = super().forward(model, states, batch)
        return loss, figures | {"answered": (batch["pair_answers"] >= 0).float().mean()}
"""
    )
    row = ObjectiveRow(place=f"{module}:Added", content=("pair_answers",), corruption=("truth",))
    monkeypatch.setitem(OBJECTIVES, "added", row)
    model = ArchitectureRow(place=f"{place(ARCHITECTURE.format(loss='added'))}:Added", **ROW)
    monkeypatch.setitem(ARCHITECTURES, "added", model)
    passes = passes_of(study(), "vilt")
    ingredients = ingredients_for(passes, 0.15, regions=False)
    assert ingredients.further == ("pair_answers", "truth")
    assert set(ingredients.further) <= set(FURTHER)
    assert set(network("added").objectives) == {"added"}
    figures = trained("added", tmp_path / "run.ckpt", "cpu", samples=32)["metrics"]
    assert 0 < figures["added/answered"] < 1


def test_a_task_is_a_file_a_drawer_and_one_row(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = place(
        """
from components.tasks.task import Task

class Added(Task):
    kind = "added"
"""
    )
    drawer = place(
        """
from components.data.samples import Sample
from components.data.scenes.scene_random import SceneRandom
from components.data.scenes.sets import OwnScenes, SampleSet, Shown
from components.data.scenes.world import LAWS, draw_scene

def draw(seed, split, number, task):
    stream = SceneRandom(seed, "added", split, number)
    name = f"{task}-{split}-{number:06d}"
    scene = draw_scene(stream, LAWS[split])
    target = "many" if len(scene) > 2 else "few"
    return SampleSet([Shown(name, scene, name)], [Sample(name, task, split, [name], "how many?", target, name)])

SCENES = OwnScenes(1, ("few", "many"), draw)
"""
    )
    row = TaskRow(
        place=f"{module}:Added",
        needs=("pictures",),
        served=True,
        metric=Metric("cleverness", low=-1.0, high=1.0),
        floors=("majority",),
        own_scenes=f"{drawer}:SCENES",
    )
    monkeypatch.setitem(TASKS, "added", row)
    ours = study_with_task()
    assert served_tasks(ours)[-1] == "counted"
    assert cannot(ours, "text_only", "counted") == "it reads no pictures"
    assert measure(TaskEntry.model_construct(kind="added")) == "cleverness"
    assert isinstance(tasks.load("added"), Task)
    sizes = dict.fromkeys(("pairs", "text_only", "image_only", "train"), 64)
    sizes |= dict.fromkeys(("validation", "selection", "gate", "generalisation"), 32)
    scenes = ours.data.scenes.model_copy(update=sizes)
    with SampleWriter(tmp_path / "data") as writer:
        write_scenes(
            writer,
            ours.data.model_copy(update={"scenes": scenes, "image_size": 16}),
            {"counted": ours.tasks["counted"]},
            lambda percent, what: None,
        )
    parts = [part for batch in read(tmp_path / "data", "samples", ["part"]) for part in batch["part"].to_pylist()]
    assert parts.count("counted") >= 64 + 3 * 32
    assert json.loads((tmp_path / "data/source.json").read_text())["answers"] == {"counted": ["few", "many"]}


def study_with_task() -> Study:
    """The default study with a task of the kind `added`."""
    ours = load_study(ROOT / "params.yaml")
    counted = type(ours.tasks["vqa"]).model_validate({**ours.tasks["vqa"].model_dump(), "kind": "added"})
    return ours.model_copy(update={"tasks": {**ours.tasks, "counted": counted}})


def test_a_source_is_one_file_and_one_row(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = place(
        """
from components.data.samples import Sample

def write(writer, settings, tasks, progress):
    for task in tasks:
        writer.sample(Sample("one", task, "train", text=settings.path, target="yes", group="one"))
    writer.finish("added", "identity", {task: ["no", "yes"] for task in tasks}, [], {})
"""
    )
    monkeypatch.setitem(SOURCES, "added", SourceRow(module=module, has_domains=True))
    ours = load_study(ROOT / "params.yaml").model_dump(mode="json")
    ours["data"] |= {"source": "added", "redrawn": False, "path": "somewhere"}
    ours["arms"]["vilt"]["pairs"] |= {"domain": "digits"}
    ours["evaluation"]["contrasts"] = []
    found = parse_study(ours, "added.yaml")
    assert found.data.captioned_pictures is None
    with SampleWriter(tmp_path / "data") as writer:
        write(writer, found.data, found.tasks, lambda percent, what: None)
    texts = [text for batch in read(tmp_path / "data", "samples", ["text"]) for text in batch["text"].to_pylist()]
    assert texts == ["somewhere"] * len(found.tasks)


def named_in(word: str) -> set[str]:
    """The files that name something in a string."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in ("components", "flows", "registry")
        for path in (ROOT / package).rglob("*.py")
        if f'"{word}"' in (text := path.read_text(encoding="utf-8"))
        and any(isinstance(node, ast.Constant) and node.value == word for node in ast.walk(ast.parse(text)))
    }


@pytest.mark.parametrize("name", ["late_fusion", "mmbt", "pixelbert", "uniter", "visualbert", "vlbert"])
def test_an_architecture_is_named_in_its_row_alone(name: str) -> None:
    """Of those whose name is no other word of ours."""
    assert named_in(name) == {"components/models/architectures/__init__.py"}


@pytest.mark.parametrize(
    "name", ["alignment", "contrastive", "image_questions", "itm", "region_divergence", "region_features_smooth"]
)
def test_an_objective_is_named_in_its_row_and_by_architectures(name: str) -> None:
    """Of those whose name is no other word of ours."""
    others = named_in(name) - {"components/objectives/__init__.py"}
    assert all(path.startswith("components/models/architectures/") for path in others)


@pytest.mark.parametrize("name", ["grounding", "retrieval", "pair_statements", "entailment"])
def test_a_task_is_named_in_its_row_its_file_and_its_drawer(name: str) -> None:
    """Of those that are put to scenes of their own."""
    files = {f"components/tasks/{name}.py", f"components/data/scenes/{name}.py"}
    assert named_in(name) <= {"components/tasks/__init__.py", "components/data/scenes/entailment.py", *files}
