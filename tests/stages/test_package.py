"""The package stage as a process, on the outputs of the stages before it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.code.reached import Entry, Sources
from components.records.scores import ChosenCell
from components.stages.closure import FRAME
from tests.evaluation.boards import leaderboard, record, task
from tests.study.complete import complete, write_params

ROOT = Path(__file__).parents[2]
REPLICATES = [0, 1]
CHOSEN = ChosenCell(
    arm="vilt", cell="scratch", mean=0.7, low=None, high=None, baseline=False, tied_with=[], undecided=[]
)
SCORES = {  # replicate: validation, selection
    "vilt/scratch": {0: (0.6, 0.9), 1: (0.7, 0.5)},
    "vilt/multimodal": {0: (0.9, 0.9), 1: (0.9, 0.8)},
    "mmbt/unimodal": {0: (0.1, 0.1), 1: (0.2, 0.2)},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace after the compare stage, which chose vilt from scratch."""
    (tmp_path / "components").symlink_to(ROOT / "components")
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    write_params(tmp_path, complete("smoke"))
    outputs = tmp_path / "outputs"
    rows, arms = [], {}
    for key, by_replicate in SCORES.items():
        arm, cell = key.split("/")
        for replicate, scores in by_replicate.items():
            folder = outputs / f"finetune/{arm}/vqa/{replicate}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{cell}.safetensors").write_bytes(f"weights of {key} {replicate}".encode())
            for split, score in zip(("validation", "selection"), scores, strict=True):
                row = {"arm": arm, "task": "vqa", "cell": cell, "replicate": replicate}
                rows.append({**row, "split": split, "items": 32, "score": score})
        records = [record(samples=10 + replicate, configuration={"width": 64}) for replicate in by_replicate]
        arms.setdefault(arm, {}).setdefault("vqa", {})[cell] = records
    write_json(outputs / "evaluation/arms.json", arms)
    pq.write_table(pa.Table.from_pylist(rows), outputs / "evaluation/scores.parquet")
    write_json(
        outputs / "compare/leaderboard.json",
        leaderboard({"vqa": task([], chosen=CHOSEN)}).as_json(),
    )
    index = {
        "answers": {"vqa": ["no", "yes"]},
        "data_digest": "d" * 64,
    }
    write_json(outputs / "tokens/index.json", index)
    write_json(outputs / "tokens/tokenizer/tokenizer.json", {})
    files = Sources(tmp_path).digests(Entry(("components.stages.package",)), FRAME)
    write_json(outputs / "code/package.json", {"names": [], "skipped": [], "files": files})
    return tmp_path


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def run(root: Path, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.stages.package"],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_chosen_model_with_the_replicate_best_on_validation(root: Path) -> None:
    done = run(root, "1")
    assert done.returncode == 0, done.stderr
    folder = root / "outputs/package/vqa"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    # Replicate 0 is better on the selection split, which must not decide this.
    assert (package["arm"], package["cell"], package["replicate"]) == ("vilt", "scratch", 1)
    weights = (folder / "model.safetensors").read_bytes()
    assert weights == b"weights of vilt/scratch 1"
    assert package["weights"] == hashlib.sha256(weights).hexdigest()
    assert package["scores"] == {"validation": {"items": 32, "score": 0.7}, "selection": {"items": 32, "score": 0.5}}
    assert package["training"] == record(samples=11)
    assert (package["arm"], package["front"], package["image_size"]) == ("vilt", "pixels", 48)
    assert (package["background"], package["value_range"]) == ("white", None)
    assert package["configuration"] == {"width": 64}
    assert (package["kind"], package["answers"]) == ("vqa", ["no", "yes"])
    assert package["data_digest"] == "d" * 64
    assert (folder / "tokenizer/tokenizer.json").is_file()
    first = digests(root / "outputs/package")
    assert run(root, "2").returncode == 0
    assert digests(root / "outputs/package") == first


def test_how_pictures_were_drawn_goes_with_the_model(root: Path) -> None:
    study = complete("smoke")
    study["data"] |= {"background": "black", "value_range": [-1000, 3000]}
    write_params(root, study)
    done = run(root)
    assert done.returncode == 0, done.stderr
    package = json.loads((root / "outputs/package/vqa/package.json").read_text(encoding="utf-8"))
    assert (package["background"], package["value_range"]) == ("black", [-1000.0, 3000.0])


def test_the_stage_loads_no_torch(root: Path) -> None:
    script = (
        "import runpy, sys\n"
        "sys.argv = ['package']\n"
        "runpy.run_module('components.stages.package', run_name='__main__')\n"
        "assert not {'torch', 'transformers', 'lightning', 'mlflow'} & set(sys.modules), 'a heavy package was loaded'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (root / "outputs/package/vqa/package.json").is_file()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda outputs: write_json(outputs / "compare/leaderboard.json", leaderboard({}).as_json()),
            "chooses no arm for vqa",
        ),
        (lambda outputs: (outputs / "evaluation/arms.json").unlink(), "arms.json is missing"),
        (
            lambda outputs: (outputs / "finetune/vilt/vqa/1/scratch.safetensors").unlink(),
            "outputs/finetune/vilt/vqa/1/scratch.safetensors is missing: run its fine-tuning stage again",
        ),
    ],
)
def test_what_is_missing_is_named(root: Path, spoil: object, sentence: str) -> None:
    assert callable(spoil)
    spoil(root / "outputs")
    done = run(root)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (root / "outputs/package/vqa").exists()
