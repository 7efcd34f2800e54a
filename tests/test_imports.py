"""Imports point one way, and components train without the workflow libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("components", "registry", "flows", "infra")
WORKFLOW = {"prefect", "mlflow", "dvc", "great_expectations"}

# Who may import whom, inside components. A package may always import itself and the frame.
ALLOWED = {
    "components.files": set(),
    "components.records": set(),
    "components.study": set(),
    "components.code": set(),
    "components.models": set(),
    "components.objectives": {"components.models"},
    "components.tasks": {"components.models"},
    "components.data": set(),
    "components.tracking": set(),
    "components.serving": {"components.models", "components.data"},
    "components.training": {
        "components.models",
        "components.objectives",
        "components.tasks",
        "components.data",
        "components.records",
        "components.tracking",
    },
    "components.evaluation": {
        "components.data",
        "components.models",
        "components.records",
        "components.tracking",
    },
    "components.stages": {
        "components.code",
        "components.models",
        "components.objectives",
        "components.tasks",
        "components.data",
        "components.records",
        "components.tracking",
        "components.training",
        "components.evaluation",
    },
}
FRAME = {"components.catalogue", "components.errors", "components.files", "components.paths", "components.study"}
# Tables of rows, which import nothing but what a row is: anybody may read them.
TABLES = {
    "components.models.architectures.ARCHITECTURES",
    "components.objectives.OBJECTIVES",
    "components.tasks.TASKS",
    "components.data.sources.SOURCES",
}
# What a study says of one source is a model beside that source.
SETTINGS = {"components.data.scenes.settings", "components.data.sources.manifest_settings"}


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports(path: Path, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    name = name_of(path)
    package = name.split(".")[0]
    forbidden = {
        "components": {"flows", "registry", "infra"},
        "registry": {"flows", "infra"},
        "infra": {"flows", "registry"},
    }
    for other in imports(path):
        assert other.split(".")[0] not in forbidden.get(package, set()), f"{name} imports {other}"
    group = ".".join(name.split(".")[:2])
    if package == "components" and group in ALLOWED:
        for other in imports(path) - TABLES:
            parts = ".".join(other.split(".")[:2])
            if group == "components.study" and other.rpartition(".")[0] in SETTINGS:
                continue
            if other.startswith("components.") and parts != group and parts not in FRAME:
                assert parts in ALLOWED[group], f"{name} imports {other}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parts[len(ROOT.parts)] == "components"], ids=name_of
)
def test_components_import_no_workflow_library_at_the_top(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path, top_level=True)} & WORKFLOW


def test_package_files_hold_docstrings_and_dictionaries_of_names_only() -> None:
    """They are no inputs of stages, so nothing in them may shape an out; a pause of the collector does not."""
    for path in ROOT.glob("components/**/__init__.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            plain = isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign)
            lazy = isinstance(node, ast.FunctionDef) and node.name == "load"
            typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            pause = isinstance(node, ast.If) and [ast.unparse(line) for line in node.body] == ["gc.disable()"]
            assert plain or lazy or typing_only or pause, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_models_import_without_the_rest_of_ceteris() -> None:
    program = (
        "import sys, components.models.architectures as a\n"
        "[a.load(name) for name in a.ARCHITECTURES]\n"
        "ours = [m for m in sys.modules if m.startswith('components.')]\n"
        "print([m for m in ours if not m.startswith('components.models') and m != 'components.catalogue'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports for type checking counted: what two modules say of each other belongs into a third."""
    known = {name_of(path).removesuffix(".__init__") for path in modules()}
    graph = networkx.DiGraph()
    for path in modules():
        name = name_of(path).removesuffix(".__init__")
        for other in imports(path):
            target = other if other in known else other.rpartition(".")[0]
            if target in known and target != name:
                graph.add_edge(name, target)
    assert [sorted(circle) for circle in networkx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_no_test_module_imports_from_another() -> None:
    """What two of them need stands in a helper module beside them, under a plain name."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        borrowed = [other for other in imports(path) if other.startswith("tests.") and ".test_" in other]
        assert not borrowed, f"{path.relative_to(ROOT)} imports {borrowed[0]}"
