"""Stage: check the samples. Critical findings stop the pipeline here, before any training."""

import argparse
from pathlib import Path

from components.data.images import Rendering
from components.data.samples import describe
from components.data.validation.materialised import check_data
from components.errors import CeterisError
from components.files.json_files import write_json
from components.paths import data_folder
from components.stages.stage import Stage, main
from components.study.study import Study

DATA = data_folder(Path())
# Outside the graph: the pages carry times, and both are kept when the stage fails.
DOCS = Path("reports/data_docs")
REPORT = Path("reports/findings.json")


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write the verdict and the findings.

    Raises:
        CeterisError: something critical was found; the message holds all sentences.
    """
    if not (stage.root / DATA / "source.json").is_file():
        raise CeterisError(f"{DATA} is incomplete: run the materialise stage first.")
    rendering = Rendering(study.data.background, study.data.value_range)
    findings = check_data(stage.root / DATA, study.tasks, stage.root / DOCS, stage.progress, rendering)
    verdict = {
        "passed": findings.passed,
        "critical": findings.count("critical"),
        "warnings": findings.count("warning"),
        "digest": describe(stage.root / DATA)["digest"],
    }
    write_json(stage.root / REPORT, findings.records(), indent=2, ensure_ascii=False)
    write_json(stage.out(0), verdict, indent=2)
    write_json(stage.out(1), findings.records(), indent=2, ensure_ascii=False)
    for sentence in findings.sentences("warning"):
        stage.log(f"warning: {sentence}")
    findings.raise_if_critical(f"{DATA} (details: {REPORT} and {DOCS}/index.html)")
    stage.progress(100, f"checked, {verdict['warnings']} warnings")


if __name__ == "__main__":
    main("validate", run)
