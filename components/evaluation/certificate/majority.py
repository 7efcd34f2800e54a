"""Who holds what all hold: the value of the majority of arms is the reference, whoever holds another differs.

Without a majority nobody can say who is right, so all differ.
"""

from collections.abc import Iterable
from typing import NamedTuple

NOT_RECORDED = "not recorded"


class Held(NamedTuple):
    """One run's value of something that should be equal."""

    arm: str
    run: str
    value: str | None


class Agreement(NamedTuple):
    """What some runs hold of one thing.

    Attributes:
        values: who holds which value, by value.
        differ: the arms that do not hold the reference everywhere.
    """

    values: dict[str, list[str]]
    differ: set[str]


def agreement(held: Iterable[Held]) -> Agreement:
    """Compare the values. Every arm has one vote for each value that it holds; what is not recorded agrees with nothing."""
    values: dict[str, list[str]] = {}
    votes: dict[str, set[str]] = {}
    arms = set()
    for arm, run, recorded in sorted(held, key=lambda one: one.run):
        value = NOT_RECORDED if recorded is None else recorded
        arms.add(arm)
        values.setdefault(value, []).append(run)
        votes.setdefault(value, set()).add(arm)
    missing = votes.get(NOT_RECORDED, set())
    known = {value: who for value, who in votes.items() if value != NOT_RECORDED}
    most = max((len(who) for who in known.values()), default=0)
    leaders = [value for value, who in known.items() if len(who) == most]
    if len(leaders) != 1 or 2 * most <= len(arms):
        return Agreement(values, arms)
    return Agreement(values, missing.union(*(who for value, who in known.items() if value != leaders[0])))
