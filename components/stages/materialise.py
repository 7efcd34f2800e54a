"""Stage: turn the source that the study names into samples and pictures."""

import argparse
from pathlib import Path

from components.data.findings import FaultyDataError
from components.data.samples import SampleWriter, describe
from components.data.sources import SOURCES
from components.data.sources.source import write
from components.files.json_files import write_json
from components.stages.stage import Stage, main
from components.study.study import Study
from components.tasks import TASKS

# Where the validate stage reports, too.
DOCS = Path("reports/data_docs")
REPORT = Path("reports/findings.json")


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write outputs/data.

    Raises:
        CeterisError: the source cannot be used. Of a manifest everything is said that is wrong with it, at once.
    """
    out = stage.out()
    try:
        with SampleWriter(out) as writer:
            write(writer, study.data, study.tasks, stage.progress)
    except FaultyDataError:
        if SOURCES[study.data.source].has_rows:
            _tell_everything(study, stage)
        raise
    for what, said in describe(out)["texts"].items():
        stage.log(f"{what}: {said}")
    stage.progress(100, f"materialised {study.data.source}")


def _tell_everything(study: Study, stage: Stage) -> None:
    """Rows that cannot be read stopped the reading: check the whole manifest, pictures included, before giving up."""
    try:
        from components.data.validation.check import check_manifest

        row = TASKS[next(iter(study.tasks.values())).kind]
        path = Path(study.data.path)
        findings = check_manifest(
            path, "classification" if row.text_optional else "vqa", stage.root / DOCS, study.data.manifest
        )
    except ModuleNotFoundError:  # Great Expectations may be absent on machines that only train.
        return
    write_json(stage.root / REPORT, findings.records(), indent=2, ensure_ascii=False)
    findings.raise_if_critical(f"{path} (details: {REPORT} and {DOCS}/index.html)")


if __name__ == "__main__":
    main("materialise", run)
