"""A step that did not pass its gates: what the leaderboard, the terminal and the report then say, and what they leave as it is."""

import json
from pathlib import Path

import pytest

from components.evaluation.commands.side_by_side import compare_cells
from components.evaluation.leaderboard.entries import Leaderboard
from components.evaluation.report.report import render
from components.evaluation.report.terminal import render_text
from components.study.study import Study
from tests.evaluation.compared import finish
from tests.evaluation.fabricate import fabricate, study_of

SAID = (
    "The intermediate step of vilt did not pass its gates in replicate 1: masked words 31.0% beside the picture and 30.8% beside "
    "another; nothing is concluded from it."
)


def asking() -> Study:
    """The default study with a question about a step and one about something else."""
    evaluation = study_of().model_dump()["evaluation"]
    asked = [
        {"name": arm, "question": f"Does it help {arm}?", "axis": "start", "task": "vqa"}
        | {"first": f"{arm}/multimodal", "second": f"{arm}/unimodal"}
        for arm in ("vilt", "clip")
    ]
    return study_of(evaluation={**evaluation, "contrasts": asked})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Study, Leaderboard]:
    """ViLT's step taught it nothing of pictures in one replicate of three."""
    study = asking()
    root = fabricate(tmp_path_factory.mktemp("gates"), study, items=400, pictures=False)
    path = root / "outputs/pretrain/vilt/1/record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["gates"][0] |= {"score": 0.310, "reference": 0.308}
    path.write_text(json.dumps(record), encoding="utf-8")
    return root, study, finish(root, study)


def test_nothing_is_concluded_from_the_step(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, study, board = finished
    assert board.incompetent == {"vilt": SAID}
    assert [gate.passed for gate in board.gates["vilt"]] == [[True, False, True], [True] * 3]
    assert [gate.passed for gate in board.gates["clip"]] == [[True] * 3] * 2
    effects = [effect for effect in board.pretraining if effect.arm == "vilt"]
    assert effects
    assert all((one.verdict, one.grade, one.p_holm) == ("descriptive", "descriptive", None) for one in effects)
    others = [effect for effect in board.pretraining if effect.arm == "clip"]
    assert others
    assert all(one.verdict != "descriptive" and one.p_holm is not None for one in others)
    vilt, clip = board.contrasts
    assert (vilt.verdict, vilt.grade_reason, vilt.p_holm) == ("descriptive", SAID, None)
    # It takes nothing from the other question, which is the only one that is tested.
    assert (clip.grade, clip.p_holm) == ("controlled", clip.p)
    assert all(certificate.valid for certificate in board.certificates.values())
    said = compare_cells(study, root, "vilt/multimodal", "clip/multimodal")
    assert SAID in said
    assert SAID not in compare_cells(study, root, "vilt/unimodal", "clip/multimodal")


def test_a_ranked_cell_that_went_through_it_has_no_verdict(finished: tuple[Path, Study, Leaderboard]) -> None:
    _, _, board = finished
    entry = board.tasks["vqa"]
    ranked = {cell.arm: cell for cell in entry.cells if cell.candidate}
    assert ranked["vilt"].cell == "multimodal"
    for pair in entry.pairs:
        if "vilt" in (pair.first.arm, pair.second.arm):
            assert (pair.grade, pair.verdict, pair.grade_reason) == ("descriptive", "descriptive", SAID)
    assert entry.chosen is not None
    undecided = {cell.arm for cell in ranked.values() if cell.undecided == "step"}
    assert undecided == (set(ranked) - {"vilt"} if entry.chosen.arm == "vilt" else {"vilt"})


def test_it_is_said_in_the_terminal_and_in_the_report(finished: tuple[Path, Study, Leaderboard]) -> None:
    root, _, board = finished
    text = render_text(board)
    assert f"\n  {SAID}\n" in text
    assert "masked words 42.3, beside another picture 33.6; matching 81.0, chance 50.0" in text
    assert "intermediate step did not pass its gates" in text
    page = render(root).read_text(encoding="utf-8")
    section = page[page.index('<section id="step">') :]
    section = section[: section.index("</section>")]
    assert SAID in section
    assert "no: in 2 of 3 replicates" in section
    assert section.count("<td>yes</td>") == 3
