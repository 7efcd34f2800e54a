"""The commands `ceteris study show` and `ceteris study default`: what a short study comes to, written out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from components.study.study import Study

study_app = typer.Typer(
    help="See studies written out, or make one of your own data.", no_args_is_help=True, rich_markup_mode=None
)


@study_app.command("show")
def study_show(
    name: Annotated[str | None, typer.Argument(metavar="[STUDY]", help="A file of studies/; else params.yaml.")] = None,
    arms: Annotated[bool, typer.Option("--arms", help="A table of the arms instead: in what they differ.")] = False,
) -> None:
    """Print the complete study that a short file comes to: all that is run, and nothing else."""
    from components.study.arm_table import arm_table
    from components.study.loading import load_study
    from flows.workspaces import workspaces
    from flows.workspaces.checkout import find_home

    home = find_home()
    study = load_study(home / "params.yaml") if name is None else workspaces.load(home, name)
    print(arm_table(study) if arms else workspaces.parameters(study), end="")


@study_app.command("default")
def study_default(name: Annotated[str, typer.Argument(metavar="STUDY", help="A file of studies/.")]) -> None:
    """Write params.yaml from studies/STUDY.yaml: what `ceteris run` and `dvc repro` run here."""
    from flows.workspaces import workspaces
    from flows.workspaces.checkout import find_home

    home = find_home()
    write_default(home, workspaces.load(home, name))
    print(f"params.yaml is the study {name}")


def write_default(home: Path, study: "Study") -> None:
    """Make a study the one of the clone's root, atomically."""
    from components.files.atomic import write_text
    from flows.workspaces import workspaces

    write_text(home / "params.yaml", workspaces.parameters(study))
