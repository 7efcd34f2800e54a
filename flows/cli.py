"""The command line. Nothing slow is imported before a command needs it: `ceteris --help` answers at once."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from components.errors import CeterisError
from components.files.json_files import write_json
from flows.study_files import study_app
from flows.workspaces.checkout import find_home
from infra.environment import bypass_proxy
from infra.terminal import accept_any_terminal, json_text

app = typer.Typer(
    help="Train every image-text architecture on the same data in the same way, and see which is better.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(study_app, name="study")

StudyName = Annotated[str | None, typer.Argument(metavar="[STUDY]", help="A file of studies/; else the default study.")]
Root = Annotated[Path | None, typer.Option(help="A workspace, instead of a study's name.")]
Uri = Annotated[str | None, typer.Option("--tracking-uri", help="MLflow; this clone's own server by default.")]
TaskName = Annotated[str, typer.Option(help="The task whose champion is meant.")]
StudyOption = Annotated[str | None, typer.Option("--study", help="A file of studies/; else the default study.")]

ImageColumn = Annotated[str | None, typer.Option("--image", metavar="COLUMN", help="The column with the pictures.")]
TextColumn = Annotated[
    str | None, typer.Option("--text", metavar="COLUMN", help="The column with the texts, or 'none'.")
]
TargetColumn = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="The column with what is asked for.")
]
SplitColumn = Annotated[
    str | None,
    typer.Option("--split", metavar="COLUMN", help="The column with the splits, or 'none' to have them made."),
]
GroupColumn = Annotated[
    str | None, typer.Option("--group", metavar="COLUMN", help="The column of what must not be parted, or 'none'.")
]
IdColumn = Annotated[
    str | None, typer.Option("--id", metavar="COLUMN", help="The column with the rows' ids, or 'none'.")
]
BoxesColumn = Annotated[
    str | None, typer.Option("--boxes", metavar="COLUMN", help="The column with boxes of objects, or 'none'.")
]
Side = Annotated[
    int | None, typer.Option("--size", help="Side of the square that pictures are fitted into, in pixels.")
]
Length = Annotated[int | None, typer.Option("--length", help="Tokens of the longest text that is read whole.")]
PictureFolders = Annotated[
    list[Path] | None,
    typer.Option("--pictures", metavar="FOLDER", help="Where pictures or links to them may end; repeatable."),
]
Prefix = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What picture paths begin with in the manifest and not on this disk.")
]


def main() -> None:
    """Entry point: a mistake of the person is one sentence and exit code 2, any other error keeps its traceback."""
    accept_any_terminal()
    unused = bypass_proxy(os.environ)
    if unused and os.environ.get("HF_HUB_OFFLINE", "1").upper() not in ("1", "ON", "YES", "TRUE"):
        name = unused[0]
        print(
            f"{name} is not used, only HTTP proxies are: name one in HTTPS_PROXY if downloads need it.", file=sys.stderr
        )
    try:
        app()
    except CeterisError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def run(
    study: StudyName = None,
    replicates: Annotated[int | None, typer.Option(help="Replicates of every chain, instead of the study's.")] = None,
    arms: Annotated[str | None, typer.Option(help="Only these, separated by commas.")] = None,
    scale: Annotated[float | None, typer.Option(help="Multiplies every training budget.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="Only this stage and what it needs; repeatable.")] = None,
) -> None:
    """Run a study from data to champion; only what changed is executed."""
    from flows.running import run_study

    names = [name.strip() for name in arms.split(",") if name.strip()] if arms is not None else None
    sys.exit(run_study(find_home(), study, replicates, names, scale, target))


@app.command()
def serve() -> None:
    """Keep the study as a deployment that people start or schedule from the Prefect page."""
    from flows.running import connect

    home = find_home()
    services = connect(home)
    from flows.servers.serve import serve_study

    serve_study(home, services["prefect"].url)


@app.command()
def up() -> None:
    """Start the Prefect and MLflow servers of this clone and print their addresses."""
    from flows.servers import services

    for service in services.up(find_home()).values():
        print(f"{service.name:8} {service.url}")


@app.command()
def status() -> None:
    """Say which servers run where, and what they are doing."""
    from flows.running import describe

    print("\n".join(describe(find_home())))


@app.command()
def down(force: Annotated[bool, typer.Option(help="Stop studies that are running, too.")] = False) -> None:
    """End the servers of this clone."""
    from flows.running import busy_workspaces, stop_studies
    from flows.servers import services

    home = find_home()
    if (busy := busy_workspaces(home)) and not force:
        raise CeterisError(f"A study is running in {busy[0]}: wait for it or stop it, or say --force.")
    for folder in stop_studies(home):
        print(f"stopped  the study in {folder}")
    ended = services.down(home)
    print("\n".join(f"ended    {service.name} at {service.url}" for service in ended) or "no server was running")


@app.command()
def validate(
    path: Annotated[
        Path, typer.Argument(help="A manifest (CSV, JSONL, JSON or Parquet), or the folder that holds it.")
    ],
    task: Annotated[Literal["classification", "vqa"] | None, typer.Option(help="What its rows ask.")] = None,
    image: ImageColumn = None,
    text: TextColumn = None,
    target: TargetColumn = None,
    split: SplitColumn = None,
    group: GroupColumn = None,
    id: IdColumn = None,
    boxes: BoxesColumn = None,
    pictures: PictureFolders = None,
    prefix: Prefix = None,
    size: Side = None,
    length: Length = None,
) -> None:
    """Check a manifest of your own data and say what was understood, without running anything else."""
    from components.data.own_studies.study_file import check_limits
    from components.data.validation.check import DEFAULT_SETTINGS, examine
    from flows.own_data import reading, telling

    check_limits(size, length)
    chosen = reading(image, text, target, split, group, id, boxes, prefix)
    settings = DEFAULT_SETTINGS.model_validate(DEFAULT_SETTINGS.model_dump() | chosen)
    with telling() as progress:
        examined = examine(path, task, settings, pictures or [], None, True, size, length, progress)
    print("\n".join([*examined.understanding.lines(), *examined.findings.labelled()]))
    passed = examined.findings.passed
    print(f"{path}: {'can be used' if passed else 'cannot be used before this is put right'}")
    sys.exit(0 if passed else 2)


@study_app.command("new")
def study_new(
    name: Annotated[str, typer.Argument(help="Name of the study: small letters, digits and _.")],
    data: Annotated[
        Path, typer.Option(help="The manifest (CSV, JSONL, JSON or Parquet), or the folder that holds it.")
    ],
    task: Annotated[Literal["classification", "vqa"], typer.Option(help="What its rows ask.")],
    image: ImageColumn = None,
    text: TextColumn = None,
    target: TargetColumn = None,
    split: SplitColumn = None,
    group: GroupColumn = None,
    id: IdColumn = None,
    boxes: BoxesColumn = None,
    pictures: PictureFolders = None,
    prefix: Prefix = None,
    size: Side = None,
    length: Length = None,
) -> None:
    """Write studies/NAME.yaml for a manifest of your own, and say what was understood of it."""
    from components.data.own_studies.study_file import Request, write_study
    from flows.own_data import reading, telling

    chosen = reading(image, text, target, split, group, id, boxes, prefix)
    request = Request(name, data, task, chosen, pictures or [], size, length)
    with telling() as progress:
        written = write_study(request, find_home(), progress, lambda lines: print("\n".join(lines)))
    for line in [*(f"warning: {sentence}" for sentence in written.warnings), *written.left_out]:
        print(line)
    print(f"wrote {written.path}: start it with `ceteris run {name}`")


@app.command()
def studies() -> None:
    """List the studies, where they run, and whether their data is there."""
    from flows.running import list_studies

    print("\n".join(list_studies(find_home())))


@app.command()
def leaderboard(study: StudyName = None) -> None:
    """Print the leaderboard of a study that was run."""
    from flows.leaderboard_text import leaderboard_text
    from flows.running import workspace_of

    print(leaderboard_text(workspace_of(find_home(), study)))


@app.command()
def compare(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A file of studies/ that was run.")],
    first: Annotated[
        str, typer.Argument(metavar="A", help="ARM/CELL, or ARM for its cell that is best on validation.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="Likewise; what is printed is A minus B.")],
) -> None:
    """Print two cells of a study side by side: difference, verdict, grade and certificates."""
    from flows.leaderboard_text import leaderboard_text
    from flows.running import workspace_of

    workspace = workspace_of(find_home(), study)
    leaderboard_text(workspace)  # says so in a sentence when there is nothing to compare
    from components.evaluation.commands.side_by_side import compare_cells
    from components.study.loading import load_study

    print(compare_cells(load_study(workspace / "params.yaml"), workspace, first, second))


@app.command()
def report(study: StudyName = None) -> None:
    """Render outputs/report.html anew and print where it is."""
    from flows.leaderboard_text import leaderboard_text
    from flows.running import workspace_of

    workspace = workspace_of(find_home(), study)
    leaderboard_text(workspace)  # says so in a sentence when there is nothing to report
    from components.evaluation.report.report import render

    print(render(workspace))


@app.command()
def verdict(
    file: Annotated[
        Path, typer.Argument(help="A CSV of measure, architecture, seed, score and perhaps sample; or a wide table.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    leave_out: Annotated[list[str] | None, typer.Option(help="An architecture to leave out; repeatable.")] = None,
    groups: Annotated[list[str] | None, typer.Option(help="NAME=ARCHITECTURE,ARCHITECTURE; repeatable.")] = None,
    margin: Annotated[
        float | None, typer.Option(help="Smaller differences count as none, in the scores' unit.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals; errors are held at the rest.")] = 0.95,
    lower_is_better: Annotated[list[str] | None, typer.Option(help="A measure such as a loss; repeatable.")] = None,
    higher_is_better: Annotated[
        list[str] | None, typer.Option(help="A measure whose name sounds like a loss and is none; repeatable.")
    ] = None,
    decimal: Annotated[
        Literal["point", "comma"] | None, typer.Option(help="The decimal mark, where the file does not show it.")
    ] = None,
) -> None:
    """Say which architecture is better, from scores that may come from anywhere."""
    from components.evaluation.commands.verdict import judge
    from components.evaluation.commands.verdict_text import render_verdict
    from components.evaluation.score_tables.numbers import MARK_NAMES, MARKS

    mark = next((mark for mark in MARKS if MARK_NAMES[mark] == decimal), None)
    result = judge(
        file,
        leave_out or [],
        groups or [],
        margin,
        confidence,
        lower_is_better or [],
        higher_is_better or [],
        mark,
    )
    print(json_text(result) if as_json else render_verdict(result))


@app.command()
def power(
    study: StudyName = None,
    effect: Annotated[float | None, typer.Option(help="A difference, such as 0.01; else the study's margin.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Say what a study that was run can find, and how many replicates finding more would take."""
    from flows.leaderboard_text import leaderboard_text
    from flows.running import workspace_of

    workspace = workspace_of(find_home(), study)
    leaderboard_text(workspace)  # says so in a sentence when there is nothing to read
    from components.evaluation.commands.study_power import render_power, study_power
    from components.study.loading import load_study

    result = study_power(load_study(workspace / "params.yaml"), workspace, effect)
    print(json_text(result) if as_json else render_power(result))


@app.command()
def predict(
    task: TaskName,
    image: Annotated[Path, typer.Option(help="A picture.")],
    text: Annotated[str, typer.Option(help="The question or statement.")],
    study: StudyOption = None,
    tracking_uri: Uri = None,
) -> None:
    """Ask the champion of a task about a picture; answers in JSON."""
    from flows.running import connect, workspace_of

    home = find_home()
    workspace = workspace_of(home, study)
    uri = tracking_uri or connect(home)["mlflow"].url
    from registry.predict import predict as ask

    print(json_text(ask(workspace, task, image, text, uri)))


@app.command()
def promote(
    study: StudyName = None,
    root: Root = None,
    tracking_uri: Uri = None,
    record: Annotated[Path | None, typer.Option(help="Write the decisions here too, as a list in JSON.")] = None,
) -> None:
    """Register the chosen model of each task; the gate decides whether it becomes the champion."""
    workspace, uri = _workspace_and_uri(study, root, tracking_uri)
    from registry.promote import promote as decide

    sentences = [decision.sentence for decision in decide(workspace, uri)]
    print("\n".join(sentences))
    if record is not None:
        write_json(record, sentences, indent=None, ensure_ascii=False)


@app.command()
def rollback(task: TaskName, study: StudyOption = None, tracking_uri: Uri = None) -> None:
    """Make the champion before this one the champion again."""
    workspace, uri = _workspace_and_uri(study, None, tracking_uri)
    from registry.promote import rollback as undo

    print(undo(workspace, task, uri))


@app.command()
def sync(study: StudyName = None, root: Root = None, tracking_uri: Uri = None) -> None:
    """Bring what a bare `dvc repro` noted into MLflow."""
    workspace, uri = _workspace_and_uri(study, root, tracking_uri, finished=False)
    from flows.tracking.tracker import sync as deliver

    print(f"{deliver(workspace, uri)} events brought to {uri}")


@app.command()
def reproduce(folder: Annotated[Path, typer.Argument(help="A workspace, with its study.json.")]) -> None:
    """Run a study again elsewhere from what its workspace recorded, and compare every output."""
    from flows.workspaces.reproduce import reproduce as again
    from infra.environment import apply

    home = find_home()
    apply(home)
    again(folder, home)


def _workspace_and_uri(
    study: str | None, root: Path | None, tracking_uri: str | None, finished: bool = True
) -> tuple[Path, str]:
    from flows.running import connect, workspace_of

    workspace = root.resolve() if root else workspace_of(find_home(), study, finished)
    return workspace, tracking_uri or connect(find_home())["mlflow"].url


if __name__ == "__main__":
    main()
