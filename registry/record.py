"""The decision about a version, kept with it, so that anybody can replay it without the data, the models or a registry.

`gate/decision.json` holds the figures, `gate/items.parquet` who answered which item correctly, `card.md` the model card.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.files.json_files import write_json
from registry.gate import Verdict, decide
from registry.items import GateItems

FOLDER = "gate"


@dataclass(frozen=True)
class Test:
    """One use of the gate.

    `number` counts the tests against a champion of this task, this one included; 0 when there was none to compare with.
    """

    task: str
    package_digest: str
    gate_digest: str
    champion: str | None
    number: int
    verdict: Verdict


def write(test: Test, items: GateItems, candidate: np.ndarray, champion: np.ndarray | None, artefact: Path) -> None:
    """Add the decision to an artefact."""
    folder = artefact / FOLDER
    folder.mkdir()
    write_json(folder / "decision.json", asdict(test), indent=2)
    columns = {"id": items.ids, "group": items.groups, "candidate": candidate}
    if champion is not None:
        columns["champion"] = champion
    pq.write_table(pa.table(columns), folder / "items.parquet", compression="zstd")


def read(artefact: Path) -> Test:
    """The decision that came with an artefact."""
    content: dict[str, Any] = json.loads((artefact / FOLDER / "decision.json").read_text(encoding="utf-8"))
    return Test(**{**content, "verdict": Verdict(**content["verdict"])})


def replay(artefact: Path) -> Verdict:
    """Decide again from what is kept; equal to `read(artefact).verdict` unless something was tampered with."""
    verdict = read(artefact).verdict
    table = pq.read_table(artefact / FOLDER / "items.parquet")
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    return decide(columns["candidate"], columns.get("champion"), columns["group"], verdict.floors, verdict.alpha)
