"""Which stages run again after a change: asked as DVC asks, by comparing what each stage declares before and after.

`python tests/stages/test_what_reruns.py > docs/what_reruns.md` makes the page that shows it.
"""

import copy
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from components.code.reached import Sources
from components.stages.code import code_files
from components.stages.graph_node import lookup
from components.study.loading import parse_study

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/what_reruns.md"
NOTHING = "nothing"


@dataclass(frozen=True)
class Change:
    """Something that a person may change.

    Attributes:
        said: what it is.
        file: the file that is edited, or made.
        before: what stands in it; empty for a new file.
        after: what stands there then.
        searched: in a study that searches learning rates.
        again: the stages that run again, as the page shows them.
    """

    said: str
    file: str
    before: str
    after: str
    again: str
    searched: bool = False


LOSS = "components/objectives/region_features.py"
CHANGES = [
    Change("a docstring in `training/`", "components/training/run.py", '"""One training run:', '"""A run:', NOTHING),
    Change(
        "a comment and a line break in `training/`",
        "components/training/run.py",
        "    schedule = FreezingSchedule(",
        "    # Frozen parts first.\n\n    schedule = FreezingSchedule(",
        NOTHING,
    ),
    Change(
        "a type hint in `training/`",
        "components/training/run.py",
        "checkpoint: Path,",
        'checkpoint: "Path | str",',
        NOTHING,
    ),
    Change("a new file in `objectives/`", "components/objectives/new.py", "", "LOSS = 1\n", NOTHING),
    Change(
        "its line in the table of objectives",
        "components/objectives/__init__.py",
        '    "contrastive": ',
        '    "new": "components.objectives.new:New",\n    "contrastive": ',
        NOTHING,
    ),
    Change(
        "a statement in the objective `region_features`",
        LOSS,
        "def __init__(",
        "WEIGHT = 2.0\n\n    def __init__(",
        "pretrain (uniter)",
    ),
    Change(
        "a statement in the architecture `vilt`",
        "components/models/architectures/vilt.py",
        "words=True),",
        "words=True, ratio=2.0),",
        "compare, finetune (vilt), pretrain (vilt)",
    ),
    Change(
        "a statement in `training/halving.py`, in a study that searches no learning rate",
        "components/training/halving.py",
        "\n\ndef ",
        "\n\nSPREAD = 2\n\n\ndef ",
        NOTHING,
    ),
    Change(
        "the same in a study that searches",
        "components/training/halving.py",
        "\n\ndef ",
        "\n\nSPREAD = 2\n\n\ndef ",
        "tune (all arms)",
        searched=True,
    ),
    Change(
        "a statement in the training loop",
        "components/training/module.py",
        "\n\nclass ",
        "\n\nSTEP = 2\n\n\nclass ",
        "finetune (all arms), pretrain (all arms), pretrain_image, pretrain_text",
    ),
    Change(
        "a statement in the report",
        "components/evaluation/report/report.py",
        "\n\ndef ",
        "\n\nWIDE = 2\n\n\ndef ",
        NOTHING,
    ),
    Change(
        "a new key in the settings of a study",
        "components/study/settings.py",
        "    dropout: Fraction\n",
        "    dropout: Fraction\n    experts: int = Field(default=None, description='of a layer')\n",
        NOTHING,
    ),
    Change(
        "a docstring in `data/scenes/`, the folder that is this study's `data.path`",
        "components/data/scenes/generate.py",
        '"""',
        '"""In other words: ',
        "materialise",
    ),
    Change("`runtime.checkpoint_seconds`", "params.yaml", "checkpoint_seconds: 10", "checkpoint_seconds: 60", NOTHING),
    Change(
        "`runtime.prediction_batch_size`",
        "params.yaml",
        "prediction_batch_size: 256",
        "prediction_batch_size: 64",
        NOTHING,
    ),
    Change("`evaluation.examples`", "params.yaml", "examples: 12", "examples: 4", "compare"),
    Change(
        "`finetune.samples`",
        "params.yaml",
        "finetune: {samples: 38400",
        "finetune: {samples: 6400",
        "compare, finetune (all arms), tune (all arms)",
    ),
]


class Workspace:
    """A copy of the code with the default study, and what every stage of it declares."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "components", folder / "components", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dvc.yaml", "params.yaml", ".dvcignore"):
            shutil.copy(ROOT / name, folder / name)
        (folder / ".dvc").mkdir()
        (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        with Repo(folder) as repo:
            stages = [stage for stage in repo.index.stages if getattr(stage, "name", None)]
            self.stages = {stage.name: _declared(stage, folder) for stage in stages}
        self.sources = Sources(folder)
        self.arms = list(self.params()["arms"])
        self.first = {
            searched: self.state(searched, self.sources) for searched in {change.searched for change in CHANGES}
        }

    def params(self, searched: bool = False) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text(encoding="utf-8"))
        del content["graph"]  # which follows from the rest
        if searched:
            content["tuning"] = content["tuning"] | {"trials": 4}
        return content

    def state(self, searched: bool, sources: Sources) -> dict[str, Any]:
        """What the stages' declarations amount to: the content of `outputs/code`, and the parameters."""
        params = self.params(searched)
        files = code_files(parse_study(copy.deepcopy(params), "params.yaml"), sources)
        return {"files": {f"outputs/code/{name}": text for name, text in files.items()}, "params": params}

    def again(self, change: Change) -> list[str]:
        """The stages that run again, but `code`."""
        path = self.folder / change.file
        text = path.read_text(encoding="utf-8") if change.before else ""
        assert text.count(change.before) > 0 or not change.before, change.said
        path.write_text(text.replace(change.before, change.after, 1) if text else change.after, encoding="utf-8")
        sources = Sources(self.folder) if path.suffix == ".py" else self.sources
        try:
            first, now = self.first[change.searched], self.state(change.searched, sources)
        finally:
            path.write_text(text, encoding="utf-8") if text else path.unlink()
        return [
            name
            for name, (deps, keys) in self.stages.items()
            if name != "code"
            and (
                any(first["files"].get(dep) != now["files"].get(dep) for dep in deps)
                or any(f"{change.file}/".startswith(f"{dep}/") for dep in deps)
                or any(lookup(first["params"], key) != lookup(now["params"], key) for key in keys)
            )
        ]

    def said(self, stages: list[str]) -> str:
        """Stages in a line, with the arms that they run for."""
        arms: dict[str, set[str]] = {}
        for name in stages:
            stage, _, item = name.partition("@")
            stage = stage.removesuffix("_direct")
            arms.setdefault(stage, set()).update(arm for arm in self.arms if f"-{item}-".startswith(f"-{arm}-"))
        parts = [f"{stage} ({self._of(stage, found)})" if found else stage for stage, found in sorted(arms.items())]
        return ", ".join(parts) or NOTHING

    def _of(self, stage: str, arms: set[str]) -> str:
        names = [name.partition("@")[2] for name in self.stages if name.startswith(stage)]
        every = {arm for arm in self.arms for name in names if f"-{name}-".startswith(f"-{arm}-")}
        return "all arms" if arms == every else ", ".join(sorted(arms))


def _declared(stage: Any, folder: Path) -> tuple[list[str], list[str]]:
    params = [key for dep in stage.deps for key in getattr(dep, "params", ())]
    paths = [
        Path(dep.fs_path).relative_to(folder.resolve()).as_posix() for dep in stage.deps if not hasattr(dep, "params")
    ]
    return paths, params


def page(workspace: Workspace) -> str:
    lines = [
        "# What runs again after a change",
        "",
        "Of the default study, beside the stage `code`, which takes seconds. Stages below those named follow only if the outputs "
        "of these have changed. `tests/stages/test_what_reruns.py` has made this table and holds it to be true.",
        "",
        "| change | runs again |",
        "|---|---|",
        *(f"| {change.said} | {workspace.said(workspace.again(change))} |" for change in CHANGES),
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("code"))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.said)
def test_what_runs_again(workspace: Workspace, change: Change) -> None:
    assert workspace.said(workspace.again(change)) == change.again


def test_the_page_shows_it() -> None:
    rows = [f"| {change.said} | {change.again} |" for change in CHANGES]
    text = PAGE.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| change")] == rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.stdout.write(page(Workspace(Path(scratch))))
