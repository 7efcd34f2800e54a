"""Divide rows into splits by group, never by row. The order of the rows does not matter."""

import hashlib
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from components.data.sources.manifest_settings import ManifestSettings
from components.errors import CeterisError

RARE = 40
"""A class with fewer groups is divided by itself: a tenth of 40 is 4, and where 4 are expected chance may give none."""


def shares(settings: ManifestSettings, missing: Iterable[str]) -> dict[str, float]:
    """The share of groups for each missing split, in the order in which they are filled."""
    fractions = {
        "gate": settings.gate_fraction,
        "selection": settings.selection_fraction,
        "validation": settings.validation_fraction,
    }
    return {split: fraction for split, fraction in fractions.items() if split in set(missing)}


def connected(pairs: Iterable[tuple[str, Hashable]]) -> dict[str, str]:
    """Join groups that share a picture (or anything else) into connected components.

    Args:
        pairs: a group and something that it holds.

    Returns:
        The component of each group, named after the smallest name in it.
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


def carve(
    rows: Sequence[tuple[str, str | None]],
    shares: Mapping[str, float],
    seed: int,
    unlearned: Collection[str] = (),
) -> dict[str, str]:
    """Divide groups between `train` and the splits that `shares` names.

    * Groups are taken in the order of a hash of their names, so adding rows elsewhere moves few of them.
    * A group stays in `train` if no other group there holds one of its targets, because evaluated targets must have been seen
      in training.
    * A class with fewer than `RARE` groups is divided by itself, in the same shares. Otherwise chance could leave it out of a
      split.

    Args:
        rows: the group and the target of every row to divide.
        shares: split to share of groups; each split gets at least one group.
        seed: another seed gives another division.
        unlearned: targets that are no classes; no group has to stay in `train` for them.

    Returns:
        The split of each group.

    Raises:
        CeterisError: there are too few groups.
    """
    targets: dict[str, set[str]] = {}
    for group, target in rows:
        targets.setdefault(group, set()).update([target] if target is not None and target not in unlearned else [])
    order = sorted(targets, key=lambda group: (_draw(seed, group), group))
    holders = Counter(target for group in order for target in targets[group])
    strata = _strata(order, targets, holders)
    left = Counter(holders)
    division = dict.fromkeys(order, "train")

    def move(candidates: Iterable[str], split: str, wanted: int) -> int:
        """Move groups that training can spare, in order; returns how many are still wanted."""
        for group in candidates:
            if not wanted:
                break
            if division[group] == "train" and all(left[target] > 1 for target in targets[group]):
                left.subtract(targets[group])
                division[group] = split
                wanted -= 1
        return wanted

    for split, share in shares.items():
        room = {
            name: sum(division[group] == "train" for group in groups) - (name is not None)
            for name, groups in strata.items()
        }
        sizes = {name: len(groups) for name, groups in strata.items()}
        wanted = max(1, round(share * len(order)))
        lacking = wanted
        for name, quota in _quotas(sizes, room, share, wanted, f"{seed}:{split}").items():
            lacking -= quota - move(strata[name], split, quota)
        if move(order, split, lacking) and split not in division.values():
            aside = len(order) - list(division.values()).count("train")
            raise CeterisError(_too_few(len(order), aside, list(shares), holders))
    return division


def _draw(seed: int | str, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _strata(
    order: Sequence[str], targets: Mapping[str, set[str]], holders: Mapping[str, int]
) -> dict[str | None, list[str]]:
    """Groups by rare class, the rarest first. All other groups are under None; chance divides them well enough."""
    strata: dict[str | None, list[str]] = {}
    for group in order:
        rare = len(targets[group]) == 1 and holders[next(iter(targets[group]))] < RARE
        strata.setdefault(next(iter(targets[group])) if rare else None, []).append(group)
    return dict(sorted(strata.items(), key=lambda item: (item[0] is None, len(item[1]), item[0] or "")))


def _quotas(
    sizes: Mapping[str | None, int], room: Mapping[str | None, int], share: float, wanted: int, draw: str
) -> dict[str | None, int]:
    """How many groups each stratum gives to a split; together `wanted`, if there is room for so many.

    Quotas follow the largest remainders. Strata with no group yet whose exact share is at least one half come first, so that
    rare classes are tested at all.
    """
    exact = {name: share * size for name, size in sizes.items()}
    quotas = {name: max(0, min(int(value + 1e-9), room[name])) for name, value in exact.items()}
    turns = sorted(
        sizes,
        key=lambda name: (
            not (quotas[name] == 0 and exact[name] >= 0.5),
            quotas[name] - exact[name],
            sizes[name],
            _draw(draw, name or ""),
        ),
    )
    lacking = wanted - sum(quotas.values())
    while lacking > 0 and (able := [name for name in turns if quotas[name] < room[name]][:lacking]):
        for name in able:
            quotas[name] += 1
        lacking -= len(able)
    return quotas


def _too_few(groups: int, aside: int, splits: Sequence[str], holders: Mapping[str, int]) -> str:
    """The sentence for too few groups, with numbers."""
    named = f"{', '.join(splits[:-1])} and {splits[-1]}" if splits[1:] else splits[0]
    each = "one each" if splits[1:] else "one"
    if groups <= len(splits):
        return (
            f"the training rows form only {groups} group{'s' if groups > 1 else ''}, too few to set some aside: {named} need "
            f"{each} and training another, {len(splits) + 1} in all (rows of one picture or one group go together): "
            "add rows of other groups, or name these splits."
        )
    alone = sorted(target for target, count in holders.items() if count == 1)
    examples = f"{', '.join(repr(target[:60]) for target in alone[:3])}{', ...' if alone[3:] else ''}"
    single = f" ({len(alone):,} of the {len(holders):,} occur in one group only: {examples})" if alone else ""
    return (
        f"of the {groups:,} groups of training rows only {aside} can be set aside, but {named} need {each}, for training must keep "
        f"a group of every target{single}: add rows of other groups that have these targets, or name these splits."
    )
