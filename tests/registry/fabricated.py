"""A small workspace as the pipeline leaves it, made without running the pipeline."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.data import tokenizer as wordpiece
from components.data.samples import digest_of as digest_of_shards
from components.study.loading import load_study
from tests.evaluation.boards import record
from tests.study.complete import complete, write_params

REPOSITORY = Path(__file__).resolve().parents[2]
TASK = "vqa"
SAYS = "says.json"
"""In the package of `stub_package`: its answer to every item of the gate."""
CHOSEN = {
    "arm": "vilt",
    "cell": "scratch",
    "mean": 0.5,
    "low": 0.4,
    "high": 0.6,
    "baseline": False,
    "tied_with": [],
    "undecided": [],
}
ANSWERS = ["blue", "green", "no", "red", "yes"]
ITEMS, SIZE = 120, 24
WORDS = ["is", "there", "a", "red", "circle", "what", "colour", "has", "the", "square", "?"]


def make_workspace(root: Path) -> Path:
    """Code, params.yaml, tokenised data with a gate split, floors."""
    for name in ("components", "registry"):
        (root / name).symlink_to(REPOSITORY / name)
    params = complete("smoke")
    params["data"]["image_size"] = SIZE
    params["text"]["max_length"] = 12
    params["model"] |= {"width": 16, "feed_forward": 16, "patch_size": 12, "stem_widths": [8], "projection": 8}
    write_params(root, params)
    tokens = root / "outputs/tokens"
    tokenizer = wordpiece.build(wordpiece.word_counts([" ".join(WORDS)]), 100, 12)
    wordpiece.save(tokenizer, tokens / "tokenizer")
    random = np.random.default_rng(5)
    np.save(tokens / "pixels.npy", random.integers(0, 256, (ITEMS // 2, SIZE, SIZE, 3), dtype=np.uint8))
    index = {
        "parts": {TASK: {"gate": ITEMS}},
        "answers": {TASK: ANSWERS},
        "special_tokens": {"pad": 0},
        "vocabulary_size": tokenizer.get_vocab_size(),
        "data_digest": digest_of_shards(root / "outputs/data"),
    }
    (tokens / "index.json").write_text(json.dumps(index), encoding="utf-8")
    texts = [" ".join(random.choice(WORDS, size=random.integers(1, 10))) for _ in range(ITEMS)]
    set_targets(root, [str(answer) for answer in random.choice(ANSWERS, size=ITEMS)], texts)
    set_floors(root, 0.3)
    return root


def set_targets(root: Path, targets: list[str], texts: list[str] | None = None) -> None:
    """Write the gate split; two questions a picture, which is their group."""
    folder = root / "outputs/tokens/parts" / TASK / "gate"
    if texts is None:
        texts = pq.read_table(folder / "samples.parquet").column("text").to_pylist()
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "id": [f"question-{row}" for row in range(ITEMS)],
        "group": [f"picture-{row // 2}" for row in range(ITEMS)],
        "text": texts,
        "target": targets,
    }
    pq.write_table(pa.table(columns), folder / "samples.parquet")
    np.save(folder / "image_rows.npy", np.arange(ITEMS) // 2)


def set_floors(root: Path, floor: float) -> None:
    """Write floors of which text_only is the best."""
    path = root / "outputs/floors/floors.json"
    path.parent.mkdir(exist_ok=True)
    floors = {"majority": max(0.0, floor - 0.1), "text_only": floor, "image_only": max(0.0, floor - 0.05)}
    path.write_text(json.dumps({TASK: {"gate": floors}}), encoding="utf-8")


def describe(root: Path, architecture: str, **more: Any) -> dict[str, Any]:
    """What package.json says."""
    study = load_study(root / "params.yaml")
    index = json.loads((root / "outputs/tokens/index.json").read_text(encoding="utf-8"))
    return {
        "format": 3, "study": study.name, "task": TASK, "kind": "vqa",
        "arm": architecture, "architecture": architecture, "front": "pixels",
        "cell": "scratch", "replicate": 0, "answers": ANSWERS, "image_size": SIZE, "background": "white", "value_range": None,
        "configuration": {
            **study.model.model_dump(mode="json"), "max_length": study.text.max_length, "image_size": SIZE,
            "vocabulary_size": index["vocabulary_size"], "pad_token_id": 0,
        },
        "scores": {"selection": {"score": 0.5, "items": 10}}, "chosen": CHOSEN, "floors": {},
        "training": record(samples=640),
        "data_digest": index["data_digest"], "weights": "0" * 64, **more,
    }  # fmt: skip


def write_package(root: Path, content: dict[str, Any], weights: bytes) -> Path:
    """Replace the package of the task."""
    folder = root / "outputs/package" / TASK
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "outputs/tokens/tokenizer", folder / "tokenizer")
    (folder / "model.safetensors").write_bytes(weights)
    content["weights"] = hashlib.sha256(weights).hexdigest()
    (folder / "package.json").write_text(json.dumps(content, sort_keys=True), encoding="utf-8")
    return folder


def real_package(root: Path, architecture: str = "vilt", seed: int = 0, **more: Any) -> Path:
    """A package with a model of random weights, which is still a model with opinions of its own."""
    import torch
    from safetensors.torch import save
    from torch import nn

    from components.models.architectures import load
    from components.models.configuration import ModelConfiguration
    from components.models.pixels import PixelScaling

    content = describe(root, architecture, **more)
    torch.manual_seed(seed)
    model = load(architecture)(ModelConfiguration(**content["configuration"]))
    network = nn.ModuleDict({"model": model, "head": model.head(len(ANSWERS)), "scaling": PixelScaling()})
    with torch.no_grad():
        for parameter in network["head"].parameters():
            parameter.mul_(5)  # otherwise it gives one answer to everything
    return write_package(root, content, save(network.state_dict()))


def stub_package(root: Path, knows: int, seed: int = 0) -> Path:
    """A package for `stub_answer`: it knows the answers to so many of the gate's items, shuffled by the seed."""
    targets = pq.read_table(root / "outputs/tokens/parts" / TASK / "gate/samples.parquet").column("target").to_pylist()
    known = set(np.random.default_rng(seed).permutation(len(targets))[:knows].tolist())
    says = [target if row in known else "?" for row, target in enumerate(targets)]
    folder = write_package(root, describe(root, "vilt"), b"")
    (folder / SAYS).write_text(json.dumps(says), encoding="utf-8")
    return folder


def stub_answer(artefact: Path, images: list[bytes], texts: list[str]) -> list[dict[str, Any]]:
    """In place of `registry.artefact.answer`, where a test is not about models: costs nothing."""
    return [
        {"answer": says} for says in json.loads((artefact / "artifacts/package" / SAYS).read_text(encoding="utf-8"))
    ]
