"""Documents are for users: every command in them is one that exists, and generated pages are fresh."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from components.models.cards import page, readme_table
from flows.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[str]:
    found = []
    for document in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            found += [line.split("  #")[0].strip() for line in block.splitlines() if line.strip()]
        found += re.findall(r"`((?:ceteris|make) [^`]+)`", document.read_text(encoding="utf-8"))
    return sorted({re.sub(r"\s+", " ", command) for command in found})


@pytest.mark.parametrize("command", [one for one in commands() if one.startswith("ceteris ")])
def test_every_ceteris_command_parses(command: str) -> None:
    """Parsed with its options and arguments, not carried out; the pipeline's tests carry them out."""
    words = shlex.split(command)[1:]
    group = typer.main.get_command(app)
    context = click.Context(group)
    while isinstance(group, click.Group) or hasattr(group, "get_command"):
        name, group, words = group.resolve_command(context, words)
        assert group is not None, name
    placeholders = {
        "STUDY": "laptop",
        "DIR": "workspaces/smoke",
        "NAME": "name",
        "TASK": "vqa",
        "FILE": "a.png",
        "PATH": "a.csv",
    }
    group.make_context(group.name, [placeholders.get(word, word) for word in words])


@pytest.mark.parametrize("command", [one for one in commands() if one.startswith("make ")])
def test_every_make_target_exists(command: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(command.split()[1:]) <= targets


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 15


def test_the_page_of_architectures_is_fresh() -> None:
    assert (ROOT / "docs/architectures.md").read_text(encoding="utf-8") == page(), (
        "run python -m components.models.cards"
    )


def test_the_table_of_architectures_in_the_readme_is_fresh() -> None:
    assert readme_table() in (ROOT / "README.md").read_text(encoding="utf-8"), (
        "run python -m components.models.cards --readme"
    )


def test_links_between_pages_lead_somewhere() -> None:
    for document in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_documents_name_no_place_of_a_machine() -> None:
    for document in PAGES:
        assert not re.search(r"/(home|root|work|tmp|Users)/", document.read_text(encoding="utf-8")), document.name


def test_documents_hold_no_placeholder() -> None:
    for document in PAGES:
        placeholders = re.findall(r"^[A-Z_]{4,}$", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert placeholders == [], document.name


def test_the_tree_of_rooms_is_the_one_on_disk() -> None:
    """Every folder with the first sentence of its `__init__.py`."""
    lines = []
    for top in ("components", "flows"):
        packages = sorted(path.parent.relative_to(ROOT) for path in (ROOT / top).rglob("__init__.py"))
        for folder in packages:
            docstring = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8")))
            sentence = " ".join((docstring or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")
            lines.append(f"{'  ' * (len(folder.parts) - 1)}{folder.name}/".ljust(24) + sentence)
    assert "\n".join(lines) in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
