"""Complete studies as plain values, for tests that change some of them."""

from pathlib import Path
from typing import Any

from components.study.loading import expansion_text, load_study, parse_study

ROOT = Path(__file__).resolve().parents[2]


def complete(name: str = "laptop", root: Path = ROOT) -> dict[str, Any]:
    """Everything that a study of `studies/` comes to, without its graph."""
    return load_study(root / "studies" / f"{name}.yaml").model_dump(mode="json")


def write_params(folder: Path, content: dict[str, Any]) -> None:
    """Write `params.yaml` as a workspace has it."""
    (folder / "params.yaml").write_text(expansion_text(parse_study(content, "params.yaml")), encoding="utf-8")
