"""Who goes where: groups are never parted, whatever they are, and the order of rows says nothing."""

import hashlib
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.data.sources.manifest_settings import ManifestSettings
from components.data.sources.splits import RARE, carve, connected, shares
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


def classes(sizes: dict[str, int]) -> list[tuple[str, str]]:
    """Groups of one row each, by how many every class has."""
    return [(f"{name}{number}", name) for name, size in sizes.items() for number in range(size)]


MANIFEST = ManifestSettings(seed=1, selection_fraction=0.15, gate_fraction=0.15, validation_fraction=0.1)
ALL = shares(MANIFEST, ["gate", "selection", "validation"])


@pytest.mark.parametrize("seed", range(20))
def test_a_rare_class_is_in_every_split(seed: int) -> None:
    rows = classes({"common": 785, "rare": 5, "scarce": 9})
    division = carve(rows, ALL, seed)
    for name in ("rare", "scarce"):
        found = {split for group, split in division.items() if group.startswith(name)}
        assert found == {"train", "gate", "selection", "validation"}
    counts = Counter(division.values())
    assert counts == {"train": 479, "gate": 120, "selection": 120, "validation": 80}


@given(
    sizes=st.dictionaries(st.sampled_from("abcdefghijklmnop"), st.integers(1, 60), min_size=4), seed=st.integers(0, 3)
)
def test_shares_are_kept_overall_and_of_rare_classes(sizes: dict[str, int], seed: int) -> None:
    assume(sum(size - 1 for size in sizes.values()) > 0.6 * sum(sizes.values()) + 3)
    rows = classes(sizes)
    division = carve(rows, ALL, seed)
    counts = Counter(division.values())
    for split, share in ALL.items():
        assert counts[split] == max(1, round(share * len(rows)))
    for name, size in sizes.items():
        mine = Counter(division[group] for group, target in rows if target == name)
        assert mine["train"] >= 1
        for split, share in ALL.items():
            # Seats that classes of one group cannot take go to the others.
            assert mine[split] <= share * size + 2 or size >= RARE


def test_more_rows_elsewhere_move_few_groups() -> None:
    sizes = {f"class{number:03}-": 3 + number % 9 for number in range(200)}
    before = carve(classes(sizes), ALL, 1)
    for changed in ({"class007-": 11}, {"new-": 5}):
        after = carve(classes(sizes | changed), ALL, 1)
        moved = [group for group, split in before.items() if after[group] != split]
        assert len(moved) < 0.02 * len(before)


def test_without_rare_classes_hashes_alone_decide() -> None:
    rows = classes({"a": RARE, "b": 70})
    order = sorted({group for group, _ in rows}, key=lambda group: hashlib.sha256(f"5:{group}".encode()).digest())
    division = carve(rows, {"gate": 0.2, "validation": 0.1}, 5)
    assert [division[group] for group in order] == ["gate"] * 22 + ["validation"] * 11 + ["train"] * 77


def test_targets_that_are_no_class_hold_no_group_in_training() -> None:
    rows = [(f"g{number}", f"sentence {number}") for number in range(40)] + [
        (f"g{number}", "yes") for number in range(40)
    ]
    with pytest.raises(
        CeterisError, match=r"of the 40 groups .* only 0 can be set aside.*40 of the 41 occur in one group only: 'sent"
    ):
        carve(rows, ALL, 1)
    division = carve(rows, ALL, 1, {target for _, target in rows} - {"yes"})
    assert Counter(division.values()) == {"train": 24, "gate": 6, "selection": 6, "validation": 4}


def test_the_lacking_groups_of_two_classes_are_counted() -> None:
    with pytest.raises(
        CeterisError, match="of the 4 groups of training rows only 2 can be set aside, but gate, selection and"
    ):
        carve(classes({"a": 2, "b": 2}), ALL, 1)
