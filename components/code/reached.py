"""The code that a stage reaches: files found by walking imports, each with the digest of its normal form."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from components.code.classes import Classes
from components.code.normal_form import normal_form, running
from components.code.plug_ins import modules_named, table_of
from components.errors import CeterisError

FIRST_PARTY = ("components", "flows", "registry", "infra")


@dataclass(frozen=True)
class Entry:
    """Where a walk begins, and how it goes.

    Attributes:
        modules: dotted names of the modules that it begins with.
        names: rows of tables of plug-ins that count for it.
        followed: those of them whose modules it loads, too; None for all.
        fields: the arguments of such rows that name these modules.
        skipped: modules that it does not follow from inside a function: what an import there is made for is not asked for.
    """

    modules: tuple[str, ...]
    names: frozenset[str] = frozenset()
    followed: frozenset[str] | None = None
    fields: frozenset[str] = frozenset({"place"})
    skipped: frozenset[str] = frozenset()


@dataclass
class Sources:
    """The modules of ours below a folder, each read once."""

    root: Path
    _trees: dict[str, ast.Module] = field(default_factory=dict)
    _digests: dict[tuple[str, frozenset[str]], str] = field(default_factory=dict)
    _classes: dict[str, Classes] = field(default_factory=dict)
    _tables: dict[str, bool] = field(default_factory=dict)
    _imports: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)

    def reached(self, entry: Entry, without: Iterable[str] = ()) -> list[str]:
        """Files, relative to the root, that the entry loads or may load; sorted.

        Package `__init__` files are among them only where they hold a table of plug-ins: else they are docstrings (a test
        keeps them so).

        Args:
            without: files that are not followed, and not among those found.

        Raises:
            CeterisError: a module of the entry is not there, or a file is not Python.
        """
        files = [self.file(module) for module in entry.modules]
        if None in files:
            raise CeterisError(f"there is no module {entry.modules[files.index(None)]} in {self.root}.")
        waiting = [file for file in files if file is not None]
        found: set[str] = set(without)
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            found.add(path)
            waiting += [
                file for module, file, inside in self._imports_of(path) if not (inside and module in entry.skipped)
            ]
            if self._has_table(path):
                followed = entry.names if entry.followed is None else entry.followed
                named = modules_named(self.tree(path), followed, entry.fields)
                waiting += [file for module in named if (file := self.file(module))]
        return sorted(path for path in found.difference(without) if self._says_something(path))

    def digests(self, entry: Entry, without: Iterable[str] = ()) -> dict[str, str]:
        """The files that an entry reaches, with their digests."""
        return {path: self.digest(path, entry.names) for path in self.reached(entry, without)}

    def digest(self, path: str, names: frozenset[str] = frozenset()) -> str:
        """The first 16 digits of the sha256 of a file's normal form.

        Args:
            names: see `normal_form`.
        """
        names = names if self._has_table(path) else frozenset()
        if (path, names) not in self._digests:
            text = self.normal_form(path, names)
            self._digests[path, names] = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self._digests[path, names]

    def normal_form(self, path: str, names: frozenset[str] = frozenset()) -> str:
        """What a file does, as Python text."""
        return normal_form(self._parsed(path), self._classes_in(path), names)

    def tree(self, path: str) -> ast.Module:
        """The syntax tree of a file, without blocks for type checking.

        Raises:
            CeterisError: it is not Python.
        """
        if path not in self._trees:
            self._trees[path] = self._parsed(path)
        return self._trees[path]

    @property
    def paths(self) -> list[str]:
        """Every file that was read."""
        return sorted(self._trees)

    def file(self, module: str) -> str | None:
        """The file of a module of ours, relative to the root; None for any other."""
        if module.partition(".")[0] not in FIRST_PARTY:
            return None
        place = module.replace(".", "/")
        return next((path for path in (f"{place}.py", f"{place}/__init__.py") if (self.root / path).is_file()), None)

    def _imports_of(self, path: str) -> list[tuple[str, str, bool]]:
        """Module, file and whether it is inside a function, of each import of a module of ours."""
        if path not in self._imports:
            found = [(module, self.file(module), inside) for module, inside in _imported(self.tree(path))]
            self._imports[path] = [(module, file, inside) for module, file, inside in found if file]
        return self._imports[path]

    def _parsed(self, path: str) -> ast.Module:
        text = (self.root / path).read_bytes()
        try:
            tree = ast.parse(text, path)
        except SyntaxError as error:
            raise CeterisError(f"{path}, line {error.lineno}, is not Python: {error.msg}.") from None
        return running(tree) if b"TYPE_CHECKING" in text else tree

    def _has_table(self, path: str) -> bool:
        if path not in self._tables:
            self._tables[path] = any(table_of(statement) for statement in self.tree(path).body)
        return self._tables[path]

    def _says_something(self, path: str) -> bool:
        return not path.endswith("__init__.py") or any(
            isinstance(node, ast.Assign | ast.AnnAssign) for node in self.tree(path).body
        )

    def _classes_in(self, path: str) -> Classes:
        if path not in self._classes:
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            self._classes[path] = Classes.read(module, self.tree(path), self._classes_of)
        return self._classes[path]

    def _classes_of(self, module: str) -> Classes | None:
        path = self.file(module)
        return self._classes_in(path) if path else None


def _imported(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Dotted names of what a module may import, each with whether it does so inside a function."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # Both `from package import module` and `from module import name`.
            yield node.module, inside
            yield from ((f"{node.module}.{alias.name}", inside) for alias in node.names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]
