"""Whether the architectures were handed the same data: equality of the digests that the runs recorded."""

from typing import Any

from components.evaluation.scores import Arms, Cell

EQUAL = ("ids", "content")
"""Must agree. Corruption digests need agree only among arms with the same objectives, so they are not held equal."""


def compare_digests(arms: Arms, pretraining: dict[str, list[dict[str, Any]]], replicates: list[int]) -> dict[str, Any]:
    """Compare, per replicate, all runs of one task and amount of labels, and all runs of the intermediate step.

    Returns:
        `equal`, `compared` (how many sets of runs) and `violations`, one per set and digest that do not agree.
    """
    runs: dict[str, dict[str, dict[str, str]]] = {}
    for position, replicate in enumerate(replicates):
        for architecture, tasks in arms.items():
            for task, cells in tasks.items():
                for name, records in cells.items():
                    where = f"{task}, {Cell(architecture, name).labels} labels, replicate {replicate}"
                    runs.setdefault(where, {})[f"{architecture} ({name})"] = records[position].get("digests") or {}
        for architecture, records in pretraining.items():
            where = f"intermediate pretraining, replicate {replicate}"
            runs.setdefault(where, {})[architecture] = records[position].get("digests") or {}
    violations = []
    for where, digests in sorted(runs.items()):
        for kind in EQUAL:
            values: dict[str, list[str]] = {}
            for who, digest in sorted(digests.items()):
                values.setdefault(digest.get(kind) or "not recorded", []).append(who)
            if len(values) > 1 or "not recorded" in values:
                violations.append({"where": where, "digest": kind, "values": values})
    return {"equal": not violations, "compared": len(runs), "violations": violations}
