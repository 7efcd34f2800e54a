"""The source files that a module of ours is made of: what an arm is, as far as code says it."""

import ast
import hashlib
from pathlib import Path

FIRST_PARTY = ("components", "flows", "registry", "infra")


def source_digests(root: Path, file: str) -> dict[str, str]:
    """sha256 of a source file and of every file of ours that it imports, directly or through others.

    Package `__init__` files hold docstrings and lazy dictionaries of names only (a test keeps them so) and are left out.

    Args:
        root: the folder that holds the packages.
        file: path relative to the root.

    Raises:
        FileNotFoundError: there is no such file.
    """
    digests: dict[str, str] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in digests:
            continue
        source = (root / path).read_bytes()
        digests[path] = hashlib.sha256(source).hexdigest()
        waiting.extend(_imported(root, ast.parse(source, path)))
    return dict(sorted(digests.items()))


def _imported(root: Path, tree: ast.Module) -> list[str]:
    """Files of ours that a module imports, also inside functions."""
    modules = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # Both `from package import module` and `from module import name`.
            modules += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    paths = (module.replace(".", "/") + ".py" for module in modules if module.split(".")[0] in FIRST_PARTY)
    return [path for path in paths if (root / path).is_file()]
