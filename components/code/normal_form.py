"""The normal form of a module: its text without everything that changes nothing that it does.

Left out are comments, line breaks, docstrings, type hints, `if TYPE_CHECKING` blocks, overloads, and imports that only what is
left out uses. Imports that stand together are sorted. Annotations of class fields stay where Python reads them:
in dataclasses, named tuples and pydantic models.

Of the settings models of a study, fields and checks are left out too, with the type aliases that serve them. The values of a
study stand in params.yaml, and a stage declares those that it reads: a field adds nothing to them, and a check can only refuse
a study. What stays is what params.yaml may leave unsaid, a default other than None. So a new settings key, or a new word that
an old one may take, re-runs nothing that does not read it.
"""

import ast
from collections.abc import Iterator

from components.code.classes import Classes, dotted
from components.code.plug_ins import keep_rows, table_of

_HINTS = ("typing", "collections.abc")
_GENERIC = {"dict", "list", "tuple", "set", "frozenset", "type"}


def running(tree: ast.Module) -> ast.Module:
    """The module as it runs, in place: without blocks for type checking."""
    running: ast.Module = _Running().visit(tree)
    return running


def normal_form(tree: ast.Module, classes: Classes, names: frozenset[str] = frozenset()) -> str:
    """The normal form of a module, as Python text.

    Args:
        tree: as `running` gives it. It is changed.
        classes: of the module.
        names: rows of a table of plug-ins that count: those of the plug-ins that are used.
    """
    for statement in tree.body:
        if table := table_of(statement):
            keep_rows(table, names)
    plain = _Plain(classes)
    tree = plain.visit(tree)
    used = _used(tree)
    left_out = plain.left_out
    if classes.of_study:
        left_out |= _drop_aliases(tree, used)
        used = _used(tree)
    _tidy_imports(tree, left_out - used)
    for node in ast.walk(tree):
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(tree))


def _drop_aliases(tree: ast.Module, used: set[str]) -> set[str]:
    """Take out the type aliases that nothing in the module uses when it runs; returns the names that these used.

    A test checks that no other module uses one of them but in hints.

    Args:
        used: names that the module uses when it runs.
    """
    typing = _GENERIC | {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module in _HINTS
        for alias in node.names
    }
    dropped: set[str] = set()
    while unused := set(_aliases(tree, typing)) - used:
        for node in [node for node in tree.body if unused.intersection(_assigned(node))]:
            tree.body.remove(node)
            dropped |= _used(node)
        used = _used(tree)
    return dropped


def _aliases(tree: ast.Module, typing: set[str]) -> Iterator[str]:
    for node in tree.body:
        if (names := _assigned(node)) and isinstance(node, ast.Assign) and _is_hint(node.value, typing):
            yield from names


def _is_hint(value: ast.expr, typing: set[str]) -> bool:
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.BitOr) and (_is_hint(value.left, typing) or _is_hint(value.right, typing))
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id in typing


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _used(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _tidy_imports(tree: ast.Module, unused: set[str]) -> None:
    """Sort what is imported in one place, one name a statement, without the names that only type hints used."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            tidy: list[ast.stmt] = []
            block: list[ast.stmt] = []
            for statement in [*body, None]:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    block += [single for single in _singly(statement) if _bound(single) not in unused]
                    continue
                tidy += sorted(block, key=ast.unparse)
                block = []
                if statement is not None:
                    tidy.append(statement)
            node.body = tidy  # type: ignore[attr-defined]


def _singly(node: ast.Import | ast.ImportFrom) -> Iterator[ast.Import | ast.ImportFrom]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield ast.Import([alias])
        else:
            yield ast.ImportFrom(node.module, [alias], node.level)


def _bound(node: ast.Import | ast.ImportFrom) -> str:
    alias = node.names[0]
    return alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)


class _Running(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if dotted(node.test).endswith("TYPE_CHECKING") else node


class _Plain(ast.NodeTransformer):
    """Takes out docstrings and type hints, and keeps the names that what it left out used."""

    def __init__(self, classes: Classes) -> None:
        self.left_out: set[str] = set()
        self._classes = classes
        self._fields: set[ast.stmt] = set()

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Docstrings and `...` do nothing."""
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        """Where nothing else is left, one is put back."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        """Without hints; an overload is nothing but a hint."""
        if any(dotted(decorator).endswith("overload") for decorator in node.decorator_list):
            self._leave_out(node)
            return None
        self._leave_out(node.returns)
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Without its hint."""
        self._leave_out(node.annotation)
        node.annotation = None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | None:
        """Fields keep their annotations where Python reads them; a settings model of which nothing is left goes."""
        if self._classes.is_settings(node):
            for statement in node.body:
                self._leave_out(statement)
            node.body = [kept for statement in node.body if (kept := _of_settings(statement))]
            if all(isinstance(statement, ast.Expr) for statement in node.body):
                return None
        elif self._classes.reads_annotations(node):
            self._fields |= {statement for statement in node.body if isinstance(statement, ast.AnnAssign)}
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """An assignment without its hint; a hint alone goes."""
        if node in self._fields:
            if dotted(node.annotation).endswith("ClassVar"):
                self._leave_out(node.annotation)
                node.annotation = ast.Name("ClassVar", ast.Load())
            return self.generic_visit(node)
        self._leave_out(node.annotation)
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def _leave_out(self, node: ast.AST | None) -> None:
        for part in ast.walk(node) if node is not None else ():
            if isinstance(part, ast.Name):
                self.left_out.add(part.id)
            elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self._leave_out(ast.parse(part.value, mode="eval"))
                except SyntaxError:  # a word of a Literal, not a hint in quotes
                    continue


def _of_settings(node: ast.stmt) -> ast.stmt | None:
    """What a statement in a settings model says that the parameters may not."""
    if isinstance(node, ast.AnnAssign):
        default = _default(node.value)
        return None if default is None else ast.Assign([node.target], default)
    if isinstance(node, ast.FunctionDef) and _only_checks(node):
        return None
    return node


def _default(value: ast.expr | None) -> ast.expr | None:
    """The default of a field; None where it has none, or where that is None."""
    if isinstance(value, ast.Call) and dotted(value.func).endswith("Field"):
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        value = given.get("default_factory") or given.get("default") or next(iter(value.args), None)
    return None if isinstance(value, ast.Constant) and value.value in (None, ...) else value


def _only_checks(node: ast.FunctionDef) -> bool:
    """Whether a validator gives back what it was given, if it does not refuse it."""
    if not any("validator" in dotted(decorator) for decorator in node.decorator_list):
        return False
    given = {argument.arg for argument in node.args.args}
    returned = [part.value for part in ast.walk(node) if isinstance(part, ast.Return)]
    changed = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return all(isinstance(value, ast.Name) and value.id in given - changed for value in returned)
