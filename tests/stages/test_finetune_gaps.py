"""Fine-tuning an arm on what it cannot do: an out without cells, at once."""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq

from components.stages import finetune
from components.study.plan import served_tasks
from components.study.study import Study
from tests.study.complete import complete


def test_what_cannot_be_done_has_an_out_without_cells(tmp_path: Path) -> None:
    values = complete()
    values["tasks"] = {"pointing": {"kind": "grounding", "few_labels": None}}
    values["evaluation"]["contrasts"] = []
    study = Study.model_validate(values)
    said: list[str] = []
    out = tmp_path / "out"
    stage: Any = SimpleNamespace(
        root=tmp_path, scratch=tmp_path, out=lambda: out, progress=lambda _, message: said.append(message)
    )
    arguments = argparse.Namespace(arm="text_only", task="pointing", replicate="0")
    finetune.run(study, arguments, stage)
    assert json.loads((out / "record.json").read_text(encoding="utf-8")) == {"cells": {}}
    table = pq.read_table(out / "predictions.parquet")
    assert table.num_rows == 0
    assert {"cell", "split", "id", "group", "form", "target", "correct"} <= set(table.column_names)
    assert said == ["text_only cannot do pointing: it reads no pictures"]
    assert served_tasks(study) == []
