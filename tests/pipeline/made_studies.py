"""Studies that are made of the smoke study: fewer arms, one replicate, no search, and what a test asks about."""

from pathlib import Path
from typing import Any

import yaml

from components.study.loading import parse_study
from flows.workspaces import workspaces


def make(home: Path, name: str, arms: dict[str, dict[str, Any]], **changes: Any) -> Path:
    """Write the study into a clone, and make its workspace.

    Args:
        arms: of the smoke study those that stay, and what each is given.
        changes: keys of the study with new values, and groups of settings with some new ones.
    """
    content = workspaces.override(workspaces.load(home, "smoke"), replicates=1, arms=list(arms)).model_dump(mode="json")
    content["name"] = name
    content["tuning"]["trials"] = 0
    for arm, given in arms.items():
        content["arms"][arm] |= given
    for key, value in changes.items():
        grouped = isinstance(value, dict) and key != "tasks"
        content[key] = content[key] | value if grouped else value
    study = parse_study(content, name)
    (home / f"studies/{name}.yaml").write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False))
    return workspaces.create(home, workspaces.load(home, name))


def further_tasks(home: Path) -> Path:
    """Statements, begun from what was learned on questions: two arms, one of them with a twin and few labels."""
    starts = {
        "starts": ["unimodal", "multimodal"],
        "few_label_starts": ["unimodal"],
        "matched_starts": ["unimodal"],
    }
    return make(
        home,
        "further",
        {"clip": starts, "mmbt": {}},
        tasks={
            "vqa": {"kind": "vqa", "few_labels": None},
            "statements": {"kind": "statements", "few_labels": 64, "after": "vqa"},
        },
    )


def precomputed_regions(home: Path, photos: str) -> Path:
    """One arm that reads the regions that lie beside the photos, and one that cannot see them."""
    return make(
        home,
        "photos",
        {"uniter": {"front": "precomputed", "few_label_starts": []}, "text_only": {}},
        tasks={"vqa": {"kind": "vqa", "few_labels": None}},
        data={"source": "manifest", "redrawn": False, "path": photos, "region_features": f"{photos}/regions"},
        image_pretraining={"labels": "image"},
        finetune={"samples": 2560},
    )
