"""What the stage `code` says of every other stage."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from components.code.reached import Entry, Sources
from components.data.sources.source import SOURCES
from components.models import architectures
from components.models.architectures import ARCHITECTURES
from components.models.architectures.controlled import PASSES
from components.objectives import OBJECTIVES
from components.stages.code import code_files, losses
from components.study.arms import ArmSettings
from components.study.axes import AxesSettings
from components.study.loading import load_study
from components.tasks import TASKS

ROOT = Path(__file__).parents[2]
FRONT = ["components.models.front_ends", "components.training.region_cache"]


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources(ROOT)


@pytest.fixture(scope="module")
def files(sources: Sources) -> dict[str, dict]:
    written = code_files(load_study(ROOT / "params.yaml"), sources)
    return {name.removesuffix(".json"): json.loads(text) for name, text in written.items()}


def test_every_stage_has_one_file_and_no_code_beside_it(files: dict[str, dict]) -> None:
    with Repo(ROOT) as repo:
        stages = [stage for stage in repo.index.stages if getattr(stage, "name", None)]
    asked = set()
    for stage in stages:
        deps = [Path(dep.fs_path).relative_to(ROOT).as_posix() for dep in stage.deps if not hasattr(dep, "params")]
        if stage.name == "code":
            assert deps == ["components"]
            continue
        (own,) = [dep for dep in deps if dep.startswith("outputs/code/")]
        asked.add(own.removeprefix("outputs/code/").removesuffix(".json"))
        data = load_study(ROOT / "params.yaml").data.path
        assert [dep for dep in deps if dep.startswith("components") and dep != data] == []
    assert asked == set(files)


def test_a_stage_reaches_its_own_plug_ins_and_no_others(files: dict[str, dict]) -> None:
    reached = files["pretrain/uniter"]["files"]
    assert "components/models/architectures/uniter.py" in reached
    assert "components/models/detector.py" in reached
    assert "components/objectives/region_features.py" in reached
    assert "components/objectives/contrastive.py" not in reached
    # The table, because settings name kinds of task; no kind's own file.
    assert [path for path in reached if path.startswith("components/tasks/")] == ["components/tasks/__init__.py"]
    tuned = files["finetune/vilt/vqa"]["files"]
    assert not [path for path in tuned if path.startswith("components/objectives/") and "__init__" not in path]
    assert "components/models/detector.py" not in tuned  # it looks at the picture itself
    assert [path for path in tuned if path.startswith("components/models/architectures/")] == [
        "components/models/architectures/__init__.py",
        "components/models/architectures/vilt.py",
    ]
    assert "components/tasks/vqa.py" in tuned
    assert "components/tasks/grounding.py" not in tuned
    assert "components/training/halving.py" not in files["tune/vilt"]["files"]  # this study searches nothing
    assert "components/data/scenes/generate.py" in files["materialise"]["files"]
    assert "components/data/sources/nlvr.py" not in files["materialise"]["files"]
    assert not [path for content in files.values() for path in content["files"] if "/report/" in path]


@pytest.mark.parametrize("name", [name for name in architectures.ARCHITECTURES if name != "controlled"])
def test_losses_are_read_as_python_reads_them(name: str, sources: Sources) -> None:
    arm = ArmSettings.model_construct(architecture=name, axes=None)
    assert losses(sources, arm) == set(architectures.load(name).PRETRAINING.losses)


@pytest.mark.parametrize("level", ["words", "words_matching", "words_matching_regions"])
def test_of_a_controlled_arm_the_axis_decides(level: str, sources: Sources) -> None:
    arm = ArmSettings.model_construct(architecture="controlled", axes=AxesSettings.model_construct(objectives=level))
    assert losses(sources, arm) == set(PASSES[level].losses)


def test_what_is_written_depends_on_the_code_and_the_study_alone(files: dict[str, dict]) -> None:
    again = code_files(load_study(ROOT / "params.yaml"), Sources(ROOT))
    assert {name.removesuffix(".json"): json.loads(text) for name, text in again.items()} == files
    assert not [text for text in again.values() if str(ROOT) in text]


LOADS = """
import json, sys
from importlib import import_module
from pathlib import Path
from components.stages.closure import loaded_files

found = {}
for name, stage, modules in json.loads(sys.argv[1]):
    for loaded in [module for module in sys.modules if module.split(".")[0] == "components"]:
        del sys.modules[loaded]
    for module in [f"components.stages.{stage}", *modules]:
        import_module(module)
    found[name] = loaded_files(Path.cwd())
print(json.dumps(found))
"""


def test_python_loads_nothing_that_the_walk_does_not_see(files: dict[str, dict], sources: Sources) -> None:
    """Importing a stage and its plug-ins; what else a run loads, a stage checks at its end."""
    asked = [
        ("materialise", "materialise", [SOURCES["scenes"].module]),
        ("redraw", "redraw", [SOURCES["scenes"].module]),
        ("finetune/uniter/vqa", "finetune", [*of(ARCHITECTURES, "uniter"), *of(TASKS, "vqa"), *FRONT]),
        ("finetune/text_only/vqa", "finetune", [*of(ARCHITECTURES, "text_only"), *of(TASKS, "vqa")]),
        (
            "pretrain/lxmert",
            "pretrain",
            [*of(ARCHITECTURES, "lxmert"), *of(OBJECTIVES, "image_questions", "mlm"), *FRONT],
        ),
        ("compare", "compare", of(ARCHITECTURES, *load_study(ROOT / "params.yaml").arms)),
        *((name, name, []) for name in ("validate", "tokenize", "floors", "pretrain_text", "pretrain_image")),
        *((name, name, []) for name in ("initial_weights", "evaluate", "package")),
        ("tune/vilt", "tune", []),
    ]
    command = [sys.executable, "-c", LOADS, json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    frame = set(sources.reached(Entry(("components.stages.stage",))))
    for name, loaded in json.loads(done.stdout).items():
        unseen = [path for path in loaded if path not in files[name]["files"] and not path.endswith("__init__.py")]
        assert set(unseen) <= frame, name


STAGES = ROOT / "components/stages"


def test_every_stage_calls_itself_by_the_name_of_its_module() -> None:
    """By that name it finds itself in dvc.yaml."""
    named = {file.stem: re.findall(r"\n    main\(\"(\w+)\"", file.read_text()) for file in STAGES.glob("*.py")}
    run = {name: called for name, called in named.items() if called}
    assert len(run) > 10
    assert run == {name: [name] for name in run}


def test_a_default_of_the_row_types_is_code_of_those_who_read_rows(files: dict[str, dict]) -> None:
    for name in ("floors", "evaluate", "compare", "finetune/vilt/vqa"):
        assert "components/catalogue.py" in files[name]["files"]


def of(table: dict[str, Any], *names: str) -> list[str]:
    return [table[name].place.partition(":")[0] for name in names]
