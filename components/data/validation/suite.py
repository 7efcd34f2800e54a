"""Run the rules as Great Expectations suites, turn failures into findings, and keep the Data Docs.

Great Expectations is imported only here, and only when something is validated.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from components.data.findings import Finding, Findings, finding
from components.data.validation.rules import Rule
from components.files.atomic import atomic_folder

QUOTED = 3
# The Data Docs would fetch their logo from the vendor's server, with the project's id in the address.
_TRACKING_LOGO = re.compile(r"https://great-expectations-web-assets[^\"']*")
_LOCAL_LOGO = "static/images/logo-long-vector.svg"


@dataclass(frozen=True)
class Table:
    """A table of facts with the rules for them.

    Every frame has the columns `file`, `row` (together unique) and `name`. `noun` is the word for a row in sentences: None
    chooses it by the suffix of the file, and an empty one leaves rows out because they mean nothing to the reader.
    """

    name: str
    frame: pd.DataFrame
    rules: Sequence[Rule]
    noun: str | None = None


def judge(tables: Sequence[Table], docs: Path | None, file: str) -> Findings:
    """Validate every table and report all failures.

    Args:
        tables: the facts with their rules.
        docs: folder for the Data Docs; None to keep none.
        file: the file that findings about a whole table name.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import great_expectations as gx

    with tempfile.TemporaryDirectory() as folder:
        # `mode` is given because otherwise the environment decides. Only a file context can switch progress bars off.
        context = gx.get_context(mode="file", project_root_dir=folder)
        context.enable_analytics(False)
        context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        findings = [item for table in tables for item in _judge_table(context, table, file)]
        if docs is not None:
            context.build_data_docs()
            _keep_docs(Path(folder) / "gx/uncommitted/data_docs/local_site", docs)
    return Findings(findings)


def _judge_table(context: Any, table: Table, file: str) -> list[Finding]:
    import great_expectations as gx
    import great_expectations.expectations as expectations

    asset = context.data_sources.add_pandas(table.name).add_dataframe_asset(table.name)
    batch = asset.add_batch_definition_whole_dataframe("all")
    judged = [
        getattr(expectations, rule.expectation)(
            **rule.arguments, severity=rule.severity, meta={"rule": number}, description=rule.name
        )
        for number, rule in enumerate(table.rules)
    ]
    suite = context.suites.add(gx.ExpectationSuite(name=table.name, expectations=judged))
    definition = gx.ValidationDefinition(name=table.name, data=batch, suite=suite)
    context.validation_definitions.add(definition)
    # Without names of index columns Great Expectations lists the frame's own index, which is ten times faster.
    layout = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=table.name, validation_definitions=[definition], result_format=layout)
    )
    frame = table.frame.set_index(table.frame["file"] + ":" + table.frame["row"].astype("str"))
    outcome = checkpoint.run(batch_parameters={"dataframe": frame})
    findings = []
    for result in next(iter(outcome.run_results.values())).results:
        rule = table.rules[result.expectation_config.meta["rule"]]
        if _raised(result.exception_info):
            raise RuntimeError(f"rule {rule.name!r} could not be judged: {result.exception_info}")
        if not result.success:
            findings += _findings_of(rule, table, frame, result.result.get("unexpected_index_list"), file)
    return findings


def _raised(information: Mapping[str, Any]) -> bool:
    """Whether a rule raised an exception. Great Expectations reports exceptions as failures, but they are bugs."""
    if "raised_exception" in information:
        return bool(information["raised_exception"])
    return any(_raised(inner) for inner in information.values() if isinstance(inner, Mapping))


def _findings_of(
    rule: Rule, table: Table, frame: pd.DataFrame, places: Sequence[str] | None, file: str
) -> list[Finding]:
    """One finding for each file and, if the rule has a `detail`, for each of its values."""
    if not places:
        return [finding(rule.severity, rule.name, file, [], rule.problem, rule.advice, table.noun)]
    failing = frame[frame.index.isin(places)]
    by = ["file", *([rule.detail] if rule.detail else [])]
    findings = []
    for cells, rows in failing.groupby(by, sort=True):
        detail = cells[1] if rule.detail else ""
        problem = rule.problem.format(detail=detail) + _quoted(rows, rule.examples)
        numbers, names = rows["row"].tolist(), _names(rows)
        findings.append(
            finding(rule.severity, rule.name, str(cells[0]), numbers, problem, rule.advice, table.noun, names)
        )
    return findings


def _quoted(rows: pd.DataFrame, column: str | None) -> str:
    """A few of the failing cells: " ('cat', 'dog' and 3 more)"."""
    cells = sorted({str(cell) for cell in rows[column]} - {""}) if column else []
    if not cells:
        return ""
    more = f" and {len(cells) - QUOTED} more" if len(cells) > QUOTED else ""
    return f" ({', '.join(repr(cell[:60]) for cell in cells[:QUOTED])}{more})"


def _names(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows["name"].tolist()[:QUOTED] if name]


def _keep_docs(site: Path, docs: Path) -> None:
    """Move the pages to their folder, with the logo taken from that folder."""
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text = page.read_text(encoding="utf-8")
        page.write_text(_TRACKING_LOGO.sub(up + _LOCAL_LOGO, text), encoding="utf-8")
    with atomic_folder(docs) as beside:
        shutil.copytree(site, beside, dirs_exist_ok=True)
