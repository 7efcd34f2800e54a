"""What dvc.yaml declares is read the same way by us and by DVC."""

import argparse
import re
from pathlib import Path

import pytest
from dvc.repo import Repo

from components.errors import CeterisError
from components.stages.graph_node import declared

ROOT = Path(__file__).parents[2]


def test_every_stage_resolves_as_dvc_resolves_it() -> None:
    with Repo(ROOT) as repo:
        stages = [stage for stage in repo.index.stages if getattr(stage, "name", None)]
    assert len(stages) > 20
    for stage in stages:
        words = stage.cmd.split()
        options = {flag.removeprefix("--"): value for flag, value in zip(words[3::2], words[4::2], strict=True)}
        ours = declared(ROOT, words[2].removeprefix("components.stages."), argparse.Namespace(**options))
        assert ours.address == stage.name
        assert ours.command == stage.cmd
        paths = {
            Path(dep.fs_path).relative_to(ROOT).as_posix() for dep in stage.deps if type(dep).__name__ == "Dependency"
        }
        assert set(ours.dependencies) == paths
        assert {Path(out.fs_path).relative_to(ROOT).as_posix() for out in stage.outs} == set(ours.outs)
        theirs = [key for dep in stage.deps if type(dep).__name__ == "ParamsDependency" for key in dep.params]
        assert sorted(ours.parameters) == sorted(theirs)


def test_arguments_that_no_stage_takes_are_refused() -> None:
    with pytest.raises(CeterisError, match="no stage that runs"):
        declared(ROOT, "pretrain", argparse.Namespace(arm="none", replicate="0"))


def project(folder: Path) -> None:
    (folder / "code").mkdir(parents=True)
    (folder / "code/a.py").write_text("a = 1\n")
    (folder / "input.txt").write_text("x\n")
    (folder / "params.yaml").write_text("used: 1\nunused: 1\n")
    (folder / "dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: python -m components.stages.one\n    deps: [code, input.txt]\n"
        "    params: [used]\n    outs: [out.txt]\n"
    )


def test_the_key_moves_with_code_inputs_and_declared_parameters_only(tmp_path: Path) -> None:
    project(tmp_path)

    def key() -> str:
        return declared(tmp_path, "one", argparse.Namespace()).key(tmp_path)

    first = key()
    (tmp_path / "params.yaml").write_text("used: 1\nunused: 2\n")
    (tmp_path / "other.txt").write_text("not declared\n")
    (tmp_path / "code/__pycache__").mkdir()
    (tmp_path / "code/__pycache__/a.pyc").write_text("byte code\n")
    assert key() == first
    seen = {first}
    for path, text in [("params.yaml", "used: 2\nunused: 2\n"), ("input.txt", "y\n"), ("code/a.py", "a = 2\n")]:
        (tmp_path / path).write_text(text)
        assert key() not in seen
        seen.add(key())


@pytest.mark.parametrize("path", sorted((ROOT / "components/stages").glob("*.py")), ids=lambda path: path.stem)
def test_a_stage_calls_itself_what_dvc_yaml_runs(path: Path) -> None:
    """Its name in `main` finds its entry of the graph, so a renamed file needs a renamed stage."""
    named = re.findall(r'^    main\("(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    run = re.findall(r"-m components\.stages\.(\w+)", (ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    assert named == ([path.stem] if path.stem in run else [])
