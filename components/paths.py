"""Where each stage leaves what it made, below the root of a workspace.

The paths are spelt here and as outs in dvc.yaml, and nowhere else. `Path()` as the root gives the path as dvc.yaml has it.
"""

from pathlib import Path

PREDICTIONS = "predictions.parquet"
HEADS = "heads.safetensors"
"""Heads of losses beside the weights of what was pretrained with them."""
RECORD = "record.json"
WEIGHTS = "weights.safetensors"


def outputs_folder(root: Path) -> Path:
    """Everything that the stages make."""
    return root / "outputs"


def code_folder(root: Path) -> Path:
    """What the code of every other stage does, as digests (stage code)."""
    return root / "outputs/code"


def data_folder(root: Path) -> Path:
    """The samples and pictures of the source (stage materialise)."""
    return root / "outputs/data"


def verdict_file(root: Path) -> Path:
    """Whether the data passed (stage validate)."""
    return root / "outputs/validation/verdict.json"


def findings_file(root: Path) -> Path:
    """What was found in the data (stage validate)."""
    return root / "outputs/validation/findings.json"


def tokens_folder(root: Path) -> Path:
    """Token ids and pixel arrays of everything (stage tokenize)."""
    return root / "outputs/tokens"


def drawn_folder(root: Path, replicate: int) -> Path:
    """The training samples that a replicate has drawn for itself, tokenised (stage redraw)."""
    return root / "outputs/drawn" / str(replicate)


def floors_file(root: Path) -> Path:
    """What can be scored without understanding (stage floors)."""
    return root / "outputs/floors/floors.json"


def hard_samples_file(root: Path) -> Path:
    """The samples that both unimodal floors get wrong (stage floors)."""
    return root / "outputs/floors/hard.parquet"


def components_folder(root: Path, replicate: int) -> Path:
    """All unimodally pretrained components of a replicate."""
    return root / "outputs/unimodal" / str(replicate)


def component_folder(root: Path, component: str, replicate: int) -> Path:
    """One component, such as `text` or `grid` (stages pretrain_text and pretrain_image)."""
    return components_folder(root, replicate) / component


def starts_folder(root: Path, arm: str, replicate: int) -> Path:
    """What an arm is made of (stage starts)."""
    return root / "outputs/starts" / str(replicate) / arm


def tuning_folder(root: Path, arm: str) -> Path:
    """The search of an arm's learning rate (stage tune)."""
    return root / "outputs/tuning" / arm


def pretraining_folder(root: Path) -> Path:
    """All intermediate steps: ARM/REPLICATE below it."""
    return root / "outputs/pretrain"


def pretrained_folder(root: Path, arm: str, replicate: int) -> Path:
    """What the intermediate step made of an arm (stage pretrain)."""
    return pretraining_folder(root) / arm / str(replicate)


def finetuning_folder(root: Path) -> Path:
    """All fine-tunings: ARM/TASK/REPLICATE below it."""
    return root / "outputs/finetune"


def finetuned_folder(root: Path, arm: str, task: str, replicate: int) -> Path:
    """What fine-tuning on a task made of an arm (stage finetune)."""
    return finetuning_folder(root) / arm / task / str(replicate)


def evaluation_folder(root: Path) -> Path:
    """Scores of everything that was fine-tuned (stage evaluate)."""
    return root / "outputs/evaluation"


def leaderboard_file(root: Path) -> Path:
    """The leaderboard (stage compare)."""
    return root / "outputs/compare/leaderboard.json"


def package_folder(root: Path, task: str) -> Path:
    """The chosen model of a task (stage package)."""
    return root / "outputs/package" / task


def report_file(root: Path) -> Path:
    """The report. It is drawn beside the graph and is no out of it."""
    return root / "outputs/report.html"
