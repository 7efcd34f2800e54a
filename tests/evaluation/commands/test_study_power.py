"""`ceteris power` on fabricated outputs whose variances are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.errors import CeterisError
from components.evaluation.commands.study_power import render_power, study_power
from components.evaluation.statistics.estimates import summarise
from components.evaluation.statistics.power import design_of, detectable_effect, power
from components.study.plan import fine_tunings
from components.study.study import Study
from tests.evaluation.boards import entry, leaderboard, record
from tests.evaluation.boards import task as task_of
from tests.evaluation.fabricate import study_of

REPLICATES = [0, 1, 2, 3]
ITEMS = 120


def study(contrasts: bool = True, replicates: list[int] = REPLICATES) -> Study:
    values = study_of().model_dump()
    asked = [
        {
            "name": name,
            "question": "Which?",
            "axis": "system",
            "task": "vqa",
            "first": "vilt/multimodal",
            "second": second,
        }
        for name, second in (("against_clip", "clip/multimodal"), ("against_pictures", "image_only/unimodal"))
    ]
    evaluation = {**values["evaluation"], "margin": 0.02, "contrasts": asked if contrasts else []}
    return study_of(evaluation=evaluation, replicates=replicates)


def scores(arm: str, cell: str, replicates: int) -> np.ndarray:
    """(N, R): cells move from seed to seed by a point, items are two to a picture."""
    generator = np.random.default_rng([len(arm), len(cell), replicates])
    base = 0.6 + 0.05 * (arm == "vilt") + generator.normal(0, 0.01, replicates)
    return np.repeat(generator.normal(0, 0.05, (ITEMS // 2, 1)), 2, axis=0) + base


def workspace(root: Path, study: Study) -> Path:
    """What the stages evaluate, floors and compare leave, as far as power reads it."""
    evaluation = root / "outputs/evaluation"
    for folder in (evaluation, root / "outputs/floors", root / "outputs/compare"):
        folder.mkdir(parents=True)
    arms: dict[str, dict[str, Any]] = {}
    frames = []
    for arm in study.arms:
        for task in study.first_tasks:
            cells = [cell.name for cell in fine_tunings(study, arm, task)]
            arms.setdefault(arm, {})[task] = {cell: [record() for _ in study.replicates] for cell in cells}
            for cell in cells:
                correct = scores(arm, cell, len(study.replicates))
                number = np.arange(ITEMS)
                keys = {"arm": arm, "task": task, "cell": cell, "split": "selection", "form": ""}
                columns = {f"correct_{replicate}": correct[:, replicate] for replicate in study.replicates}
                named = {"id": [f"i{n}" for n in number], "group": [f"g{n // 2}" for n in number]}
                frames.append(pd.DataFrame({**named, **columns}).assign(**keys))
    (evaluation / "arms.json").write_text(json.dumps(arms), encoding="utf-8")
    pd.concat(frames).to_parquet(evaluation / "items.parquet", index=False)
    pd.DataFrame({"task": ["vqa"], "split": ["selection"], "id": ["i0"]}).to_parquet(
        root / "outputs/floors/hard.parquet"
    )
    cells = [
        ("vilt", "multimodal", True),
        ("vilt", "told", False),
        ("mmbt", "unimodal", True),
        ("clip", "scratch", True),
    ]
    shown = task_of([entry(f"{arm}/{cell}", candidate=ranked) for arm, cell, ranked in cells])
    board = leaderboard({"vqa": shown}).as_json()
    (root / "outputs/compare/leaderboard.json").write_text(json.dumps(board), encoding="utf-8")
    return root


def test_declared_contrasts_share_the_level(tmp_path: Path) -> None:
    result = study_power(study(), workspace(tmp_path, study()), 0.01)
    assert (result["declared"], result["replicates"], result["alpha"]) == (True, 4, 0.025)
    assert [one["name"] for one in result["contrasts"]] == ["against_clip", "against_pictures"]
    one = result["contrasts"][0]
    arms = [summarise(scores(name, "multimodal", 4), np.arange(ITEMS) // 2) for name in ("vilt", "clip")]
    design = design_of(arms, (1.0, -1.0))
    assert one["difference"] == pytest.approx(arms[0].mean - arms[1].mean, rel=1e-5)
    assert one["detectable"] == pytest.approx(detectable_effect(design, 4, 0.025), rel=1e-5)
    assert one["power"] == pytest.approx(power(design, 4, 0.01, 0.025), rel=1e-5)
    assert one["detectable_limit"] < one["detectable"]
    assert one["variance"]["replicates"] + one["variance"]["samples"] == pytest.approx(
        one["standard_error"] ** 2, rel=1e-4
    )


def test_an_interaction_has_four_cells(tmp_path: Path) -> None:
    values = study().model_dump()
    asked = {
        "name": "step_by_system",
        "question": "Does the step help ViLT more than CLIP?",
        "axis": "start",
        "by": "system",
        "task": "vqa",
        "first": "vilt/multimodal",
        "second": "vilt/unimodal",
        "against": {"first": "clip/multimodal", "second": "clip/unimodal"},
    }
    values["evaluation"]["contrasts"] = [asked]
    mine = Study.model_validate(values)
    result = study_power(mine, workspace(tmp_path, mine), 0.01)
    (one,) = result["contrasts"]
    cells = [("vilt", "multimodal"), ("vilt", "unimodal"), ("clip", "multimodal"), ("clip", "unimodal")]
    a, b, c, d = (scores(*cell, 4) for cell in cells)
    assert one["against"] == asked["against"]
    assert one["difference"] == pytest.approx(((a - b) - (c - d)).mean(), rel=1e-5)
    between = sum(cell.mean(axis=0).var(ddof=1) for cell in (a, b, c, d)) / 4
    assert one["variance"]["replicates"] == pytest.approx(between, rel=1e-5)
    text = render_power(result)
    assert "(vilt/multimodal - vilt/unimodal) - (clip/multimodal - clip/unimodal)" in text


def test_without_declared_contrasts_best_against_second(tmp_path: Path) -> None:
    result = study_power(study(contrasts=False), workspace(tmp_path, study(contrasts=False)))
    assert (result["declared"], result["effect"], result["alpha"]) == (False, 0.02, 0.05)
    (one,) = result["contrasts"]
    assert (one["task"], one["first"], one["second"]) == ("vqa", "vilt/multimodal", "mmbt/unimodal")
    assert "best against second, for no contrast is declared" in render_power(result)


def test_what_is_needed_grows_as_the_effect_shrinks(tmp_path: Path) -> None:
    root = workspace(tmp_path, study())
    large, small, none = (study_power(study(), root, effect)["contrasts"][0] for effect in (0.2, 0.04, 1e-4))
    assert large["needed"] == 3
    assert large["needed"] < small["needed"] <= small["needed_cautious"]
    assert none["needed"] is None
    text = render_power(study_power(study(), root, 1e-4))
    assert (
        "a difference of 0.01: power now 2%; needs more than 1,000 replicates" in text
    )  # the two share every item's ease
    assert "a difference of 0.01: power now 2%; no number of replicates finds it: only more test items do" in text


def test_what_cannot_be_said_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match=r"leaderboard\.json does not exist yet: run the study first"):
        study_power(study(), tmp_path)
    with pytest.raises(CeterisError, match="has one replicate"):
        study_power(study(replicates=[0]), tmp_path)
    with pytest.raises(CeterisError, match="--effect is 2: it is a difference of scores as a fraction"):
        study_power(study(), tmp_path, 2.0)
