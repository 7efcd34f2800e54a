"""The decision about a version, kept with it, so that anybody can replay it without the data, the models or a registry.

`gate/decision.json` holds the figures, `gate/items.parquet` who answered which item correctly, `card.md` the model card.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.files.json_files import write_json
from components.records.model import read as read_file
from registry.decision import Test, Verdict
from registry.gate import decide
from registry.items import GateItems

FOLDER = "gate"


def write(test: Test, items: GateItems, candidate: np.ndarray, champion: np.ndarray | None, artefact: Path) -> None:
    """Add the decision to an artefact."""
    folder = artefact / FOLDER
    folder.mkdir()
    write_json(folder / "decision.json", test.model_dump(mode="json"), indent=2)
    columns = {"id": items.ids, "group": items.groups, "candidate": candidate}
    if champion is not None:
        columns["champion"] = champion
    pq.write_table(pa.table(columns), folder / "items.parquet", compression="zstd")


def read(artefact: Path) -> Test:
    """The decision that came with an artefact.

    Raises:
        CeterisError: it is missing or is not a decision.
    """
    return read_file(artefact / FOLDER / "decision.json", Test, "restore the files of the version")


def replay(artefact: Path) -> Verdict:
    """Decide again from what is kept; equal to `read(artefact).verdict` unless something was tampered with."""
    verdict = read(artefact).verdict
    table = pq.read_table(artefact / FOLDER / "items.parquet")
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    return decide(columns["candidate"], columns.get("champion"), columns["group"], verdict.floors, verdict.alpha)
