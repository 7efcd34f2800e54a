"""The adapter around DVC's graph, on a real repository."""

from pathlib import Path

import pytest

from components.errors import CeterisError
from flows.graph.dvc_graph import plan
from flows.graph.lockfile import reorder
from tests.flows import toy

ORDER = ["seed", "train@slow-0", "train@slow-1", "train@quick-0", "train@quick-1", "compare"]


def test_the_plan_follows_the_work_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = toy.make(tmp_path / "clone")
    monkeypatch.chdir(tmp_path)  # DVC's own addresses depend on the current directory
    fresh = plan(home)
    assert sorted(fresh.stages) == sorted(ORDER)
    assert fresh.stale == set(ORDER)
    train = fresh.stages["train@slow-0"]
    assert (train.upstream, train.slot, train.retries, train.minutes) == (("seed",), "gpu", 1, 5.0)
    assert (train.outs, train.name) == (("outputs/train/slow/0",), "train")
    assert sorted(fresh.stages["compare"].upstream) == sorted(name for name in ORDER if name.startswith("train"))
    assert list(plan(home, ["train@quick-1"]).stages) == ["seed", "train@quick-1"]

    # Run by DVC in its own order, the lock is in the plan's order already; shuffled, `reorder` restores its bytes.
    assert "Running stage" in toy.dvc(home, "repro")
    lock = home / "dvc.lock"
    canonical = lock.read_bytes()
    assert not reorder(home)
    blocks = lock.read_text().split("\n  ")
    heads = [index for index, block in enumerate(blocks) if not block.startswith(" ") and index]
    stages = ["\n  ".join(blocks[a:b]) for a, b in zip(heads, [*heads[1:], len(blocks)], strict=True)]
    stages[-1] = stages[-1].rstrip("\n")
    lock.write_text("\n  ".join([blocks[0], *reversed(stages)]) + "\n")
    assert lock.read_bytes() != canonical
    assert reorder(home)
    assert lock.read_bytes() == canonical

    assert not plan(home).stale
    assert plan(home).cached == list(fresh.stages)
    toy.set_params(home, quick="0.001")
    assert plan(home).stale == {"train@quick-0", "train@quick-1", "compare"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("slot: gpu", "slot: tpu"), "Stage train@.* in dvc.yaml has meta .*slot is cpu or gpu"),
        (("retries: 1", "retries: -1"), "retries a whole number"),
        (("minutes: ${minutes}", "minutes: 0"), "minutes a number above 0"),
        (("- outputs/seed", "- outputs/comparison"), "cannot be read: .*both a dependency and an output"),
        (("${archs}", "${nothing}"), "cannot be read: .*nothing"),
    ],
)
def test_what_is_wrong_with_the_graph_is_said_in_a_sentence(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    home = toy.make(tmp_path)
    (home / "dvc.yaml").write_text((home / "dvc.yaml").read_text().replace(*change))
    with pytest.raises(CeterisError, match=sentence) as caught:
        plan(home)
    assert "\n" not in str(caught.value)


def test_an_unknown_target_is_named(tmp_path: Path) -> None:
    with pytest.raises(CeterisError, match=r"no stage .trian. in dvc\.yaml: it has compare, seed, train"):
        plan(toy.make(tmp_path), ["trian"])


def test_the_real_graph_loads() -> None:
    real = plan(toy.ROOT)
    assert real.stages["finetune@clip-vqa-0"].slot == "gpu"
    assert "pretrain@clip-0" in real.stages["finetune@clip-vqa-0"].upstream
    assert {"finetune@clip-vqa-0", "finetune@mmbt-vqa-0"} <= set(real.stages["evaluate"].upstream)
