"""Tables of plug-ins: dictionaries whose rows name modules, of which a stage uses those that its study names.

`TASKS = {"vqa": "components.tasks.vqa:VisualQuestionAnswering", ...}` is one. A new row changes nothing for anybody who does
not name it.
"""

import ast


def table_of(statement: ast.stmt) -> ast.Dict | None:
    """The table that a statement assigns, if it does: a dictionary with names as keys, and modules in every value."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if not isinstance(value, ast.Dict) or not value.keys or not all(_name(key) for key in value.keys):
        return None
    return value if all(modules_in(row) for row in value.values) else None


def keep_rows(table: ast.Dict, names: frozenset[str]) -> None:
    """Leave only the rows of some names in a table."""
    rows = [(key, row) for key, row in zip(table.keys, table.values, strict=True) if _name(key) in names]
    table.keys, table.values = [key for key, _ in rows], [row for _, row in rows]


def modules_named(tree: ast.Module, names: frozenset[str], fields: frozenset[str]) -> list[str]:
    """The modules in the rows of some names, in all tables of a module.

    Args:
        fields: of rows that are calls, such as `TaskRow(place=..., own_scenes=...)`, the arguments that are followed. A row
            that is a string is followed in any case.
    """
    found = []
    for statement in tree.body:
        if table := table_of(statement):
            for key, row in zip(table.keys, table.values, strict=True):
                if _name(key) in names:
                    found += modules_in(row, fields)
    return found


def modules_in(row: ast.expr, fields: frozenset[str] | None = None) -> list[str]:
    """Modules of ours that strings in a row name, with or without `:NAME` behind them.

    Args:
        fields: the arguments of a call that are looked at; None for all.
    """
    parts: list[ast.AST] = [row]
    if fields is not None and isinstance(row, ast.Call):
        parts = [keyword.value for keyword in row.keywords if keyword.arg in fields]
    texts = [_name(node) for part in parts for node in ast.walk(part)]
    return [text.partition(":")[0] for text in texts if text.startswith("components.")]


def _name(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
