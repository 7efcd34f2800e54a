"""Who goes where: groups are never parted, whatever they are, and the order of rows says nothing."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.data.sources.splits import carve, connected, shares
from components.data_settings import ManifestSettings
from components.errors import CeterisError

GROUPS = st.text(alphabet="abcdefgh", min_size=1, max_size=2)
ROWS = st.lists(st.tuples(GROUPS, st.sampled_from(["cat", "dog", "rare"])), min_size=1, max_size=60)
SHARES = {"gate": 0.2, "validation": 0.1}


@given(rows=ROWS, seed=st.integers(0, 5), mix=st.randoms(use_true_random=False))
def test_carving_depends_on_groups_alone(rows: list[tuple[str, str]], seed: int, mix) -> None:
    try:
        division = carve(rows, SHARES, seed)
    except CeterisError:
        assume(False)
    assert set(division) == {group for group, _ in rows}
    mixed = list(rows)
    mix.shuffle(mixed)
    assert carve(mixed, SHARES, seed) == division
    assert {"gate", "validation", "train"} == set(division.values())
    trained = {target for group, target in rows if division[group] == "train"}
    assert trained == {target for _, target in rows}


@given(pairs=st.lists(st.tuples(GROUPS, st.integers(0, 12)), max_size=60))
def test_connected_groups_are_the_components_of_a_graph(pairs: list[tuple[str, int]]) -> None:
    together = connected(pairs)
    # An independent reference: spread the smallest name until nothing changes.
    names = {group: group for group, _ in pairs}
    for _ in range(len(pairs) + 1):
        for group, thing in pairs:
            for other, same in pairs:
                if thing == same:
                    names[group] = names[other] = min(names[group], names[other])
    assert together == names


@pytest.mark.parametrize("groups", [1, 2])
def test_too_few_groups_are_told(groups: int) -> None:
    rows = [(f"g{index % groups}", "cat") for index in range(50)]
    with pytest.raises(
        CeterisError, match=f"only {groups} groups?, too few to set some aside: gate and validation need one each"
    ):
        carve(rows, SHARES, 1)


def test_the_shares_are_of_groups_and_kept() -> None:
    settings = ManifestSettings(seed=1, selection_fraction=0.15, gate_fraction=0.2, validation_fraction=0.1)
    rows = [(f"g{index}", "cat" if index % 2 else "dog") for index in range(1000)]
    division = carve(rows, shares(settings, ["gate", "validation"]), 1)
    counts = {split: list(division.values()).count(split) for split in ("train", "validation", "gate")}
    assert counts == {"train": 700, "validation": 100, "gate": 200}
    assert carve(rows, shares(settings, ["gate", "validation"]), 2) != division
