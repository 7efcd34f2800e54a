"""Sort the entries of dvc.lock in the order of the graph instead of the order in which stages finished."""

from pathlib import Path

from components.files.atomic import write_text
from flows.graph.dvc_graph import locked, order


def reorder(root: Path) -> bool:
    """Rewrite dvc.lock, under DVC's lock, in the order in which `dvc repro` writes it; True if that changed anything.

    Entries of stages that are no longer in the graph come last in their present order, as DVC leaves them.
    """
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    path = root / "dvc.lock"
    with locked(root) as repo:
        if not path.is_file():
            return False
        text = path.read_text(encoding="utf-8")
        content = parse_yaml_for_update(text, str(path))
        stages = content.get("stages", {})
        known = [address for address in order(repo) if address in stages]
        wanted = [*known, *(address for address in stages if address not in set(known))]
        if list(stages) == wanted:
            return False
        for address in wanted:
            stages.move_to_end(address)
        write_text(path, dumps_yaml(content))
        return True
