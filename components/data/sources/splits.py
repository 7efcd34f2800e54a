"""Who goes into which split: by group, never by row, and the same whatever the order of the rows."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

from components.data_settings import ManifestSettings
from components.errors import CeterisError


def shares(settings: ManifestSettings, missing: Iterable[str]) -> dict[str, float]:
    """The share of groups that each missing split takes, in the order in which they choose."""
    fractions = {
        "gate": settings.gate_fraction,
        "selection": settings.selection_fraction,
        "validation": settings.validation_fraction,
    }
    return {split: fraction for split, fraction in fractions.items() if split in set(missing)}


def connected(pairs: Iterable[tuple[str, Hashable]]) -> dict[str, str]:
    """Groups that share a picture (or anything else) become one.

    Args:
        pairs: a group and something that it holds.

    Returns:
        the name of each group's component, which is the smallest name in it.
    """
    parents: dict[str, str] = {}
    holders: dict[Hashable, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for group, thing in pairs:
        one, other = root(group), root(holders.setdefault(thing, group))
        if one != other:
            parents[max(one, other)] = min(one, other)
    return {name: root(name) for name in parents}


def carve(rows: Sequence[tuple[str, str | None]], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Divide groups between `train` and the splits that `shares` names.

    Groups take their places in the order of a hash of their names, so adding rows elsewhere moves few of them. A group
    stays in `train` if no other group there holds one of its targets: what is asked later must have been seen in training.

    Args:
        rows: the group and the target of every row to divide.
        shares: split to share of groups; at least one group goes to each.
        seed: another seed, another division.

    Returns:
        the split of each group.

    Raises:
        CeterisError: there are too few groups.
    """
    targets: dict[str, set[str]] = {}
    for group, target in rows:
        targets.setdefault(group, set()).update([target] if target is not None else [])
    order = sorted(targets, key=lambda group: (hashlib.sha256(f"{seed}:{group}".encode()).digest(), group))
    holders = Counter(target for group in order for target in targets[group])
    division = dict.fromkeys(order, "train")
    waiting = iter(order)
    for split, share in shares.items():
        wanted = max(1, round(share * len(order)))
        for group in waiting:
            if all(holders[target] > 1 for target in targets[group]):
                holders.subtract(targets[group])
                division[group] = split
                wanted -= 1
                if not wanted:
                    break
        if wanted and split not in division.values():
            raise CeterisError(
                f"the training rows form only {len(order)} groups, too few to set some aside for {' and '.join(shares)} "
                "(a group is never parted, and every target must remain in training): add rows, or name these splits."
            )
    return division
