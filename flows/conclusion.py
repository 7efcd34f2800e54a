"""What follows a walk in which every stage is good: promotion, the report, and both on the Prefect page."""

import json
import os
import sys
import threading
from pathlib import Path

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from components.errors import CeterisError
from components.files.digests import digest_of_bytes
from flows.stages.supervisor import Listener, supervise
from flows.workspaces.checkout import home_of
from infra.environment import environment

PROMOTION_MINUTES = 30.0


def fingerprint(workspace: Path, tracking_uri: str) -> str:
    """What a promotion depends on: the lock, and the store it writes to. Promoting twice from one adds nothing."""
    database = home_of(workspace) / "mlflow.db"
    store = str(database.stat().st_ino) if database.is_file() else tracking_uri
    lock = workspace / "dvc.lock"
    return digest_of_bytes((lock.read_bytes() if lock.is_file() else b"") + store.encode())


@task(name="promote", cache_policy=NO_CACHE, persist_result=False)
def promote(workspace: Path, tracking_uri: str, stop: threading.Event) -> list[str]:
    """Decide what the registry serves, in a process of its own; returns one sentence per task of the study.

    Raises:
        CeterisError: it ended with an error; the message is its own.
    """
    decisions = workspace / ".ceteris" / "decisions.json"
    decisions.unlink(missing_ok=True)
    place = ["--root", str(workspace), "--tracking-uri", tracking_uri, "--record", str(decisions)]
    ended = supervise(
        [sys.executable, "-m", "flows.cli", "promote", *place],
        cwd=workspace,
        environment=environment(home_of(workspace)),
        log=workspace / ".ceteris" / "logs" / "promote.log",
        listener=Listener(get_run_logger().info),
        stop=stop,
        limit_seconds=PROMOTION_MINUTES * 60,
    )
    if ended.code or ended.out_of_time:
        raise CeterisError(f"promotion did not end well: {ended.sentence}")
    return [str(sentence) for sentence in json.loads(decisions.read_text(encoding="utf-8"))]


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def report(workspace: Path, decisions: list[str], tracking_page: str) -> None:
    """Render outputs/report.html and put the leaderboard, the decisions and both addresses on the Prefect page."""
    from components.evaluation.leaderboard.entries import read_leaderboard
    from components.evaluation.report.report import render
    from components.evaluation.report.terminal import render_text

    path = render(workspace)
    paragraphs = [
        f"```\n{render_text(read_leaderboard(workspace)).strip()}\n```",
        *decisions,
        f"Report: `{os.path.relpath(path, home_of(workspace))}`",
    ]
    create_markdown_artifact("\n\n".join(paragraphs), key="leaderboard", description="Leaderboard")
    create_link_artifact(path.resolve().as_uri(), "report.html", key="report", description="Report, a file")
    if tracking_page:
        create_link_artifact(tracking_page, "runs in MLflow", key="mlflow", description="Runs of this study in MLflow")
