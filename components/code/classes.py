"""What can be told of a class from its source: whether Python reads the annotations of its fields."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

_SILENT = {
    *("object", "ABC", "Protocol", "Generic", "Exception", "ValueError", "RuntimeError", "TypeError", "SystemExit"),
    *("Module", "LightningModule", "Callback", "Function", "Dataset", "IterableDataset", "Sampler"),
}
"""Last names of base classes, not ours, that do nothing with annotations."""
_STUDY = ("components.study.", "components.data.scenes.settings", "components.data.sources.manifest_settings")


def dotted(node: ast.AST) -> str:
    """The name `a.b.c` that an expression is, or that it calls or subscripts; empty for anything else."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@dataclass
class Classes:
    """The classes of one module.

    Attributes:
        module: its dotted name.
        of: gives the classes of another module of ours; None for any other module.
        defined: by name.
        imported: module and name of everything imported from somewhere, by the name that it has here.
    """

    module: str
    of: Callable[[str], "Classes | None"]
    defined: dict[str, ast.ClassDef] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, module: str, tree: ast.Module, of: Callable[[str], "Classes | None"]) -> "Classes":
        """Those of a module's tree."""
        found = cls(module, of)
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found.defined[node.name] = node
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        return found

    @property
    def of_study(self) -> bool:
        """Whether the module is one of those that say what a study is."""
        return self.module.startswith(_STUDY)

    def reads_annotations(self, node: ast.ClassDef) -> bool:
        """Whether Python may read the annotations of a class's fields: only a class known not to is denied it."""
        if node.decorator_list or node.keywords:
            return True
        return any(self._base_reads(dotted(base)) for base in node.bases)

    def is_settings(self, node: ast.ClassDef) -> bool:
        """Whether a class is a settings model: a pydantic model of a study."""
        return self.of_study and any(self._is_model(dotted(base)) for base in node.bases)

    def _base_reads(self, base: str) -> bool:
        found = self._find(base)
        return found[0].reads_annotations(found[1]) if found else base.rpartition(".")[2] not in _SILENT

    def _is_model(self, base: str) -> bool:
        if base.rpartition(".")[2] == "BaseModel":
            return True
        found = self._find(base)
        return found is not None and any(found[0]._is_model(dotted(other)) for other in found[1].bases)

    def _find(self, name: str) -> "tuple[Classes, ast.ClassDef] | None":
        if name in self.defined:
            return self, self.defined[name]
        if name in self.imported:
            module, original = self.imported[name]
            other = self.of(module)
            return other._find(original) if other else None
        return None
