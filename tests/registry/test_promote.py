"""Promotion against a real registry (SQLite); models are stubs wherever a test is not about models."""

import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from components.data.store import Store
from components.errors import CeterisError
from registry import artefact, promote, record
from registry.gate import alpha_of_test
from registry.items import gate_items
from registry.versions import Registry
from tests.registry.fabricated import ITEMS, TASK, real_package, set_floors, set_targets, stub_answer, stub_package

NAME = f"smoke-{TASK}"


def aliases(uri: str) -> dict[str, str]:
    return {alias: str(number) for alias, number in client(uri).get_registered_model(NAME).aliases.items()}


def client(uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@pytest.mark.usefixtures("stubbed")
def test_the_life_of_a_champion(root: Path, uri: str) -> None:
    stub_package(root, knows=60)
    (first,) = promote.promote(root, uri)
    assert (first.promoted, first.version, first.new, first.name) == (True, "1", True, NAME)
    assert first.verdict.champion_accuracy is None
    assert aliases(uri) == {"champion": "1"}

    # Nothing new: nothing registered.
    (again,) = promote.promote(root, uri)
    assert (again.promoted, again.version, again.new) == (False, "1", False)
    assert "already, the champion" in again.sentence
    assert again.verdict == first.verdict

    # Hardly better: refused, kept as challenger.
    stub_package(root, knows=63)
    (refused,) = promote.promote(root, uri)
    assert (refused.promoted, refused.version) == (False, "2")
    assert refused.verdict.accuracy > 0.5
    assert refused.verdict.alpha == alpha_of_test(1)
    assert aliases(uri) == {"champion": "1", "challenger": "2"}

    # Clearly better: promoted, as the second test of this task.
    stub_package(root, knows=110)
    (better,) = promote.promote(root, uri)
    assert (better.promoted, better.version) == (True, "3")
    assert better.verdict.alpha == alpha_of_test(2)
    assert better.verdict.difference == pytest.approx(50 / ITEMS)
    assert aliases(uri) == {"champion": "3", "challenger": "2"}

    # Rolled back in one command, and not promoted again by the next run of the same pipeline.
    assert promote.rollback(root, TASK, uri) == f"version 1 of {NAME} is the champion again, in place of version 3."
    assert aliases(uri)["champion"] == "1"
    (known,) = promote.promote(root, uri)
    assert not known.new
    assert "not the champion" in known.sentence
    assert aliases(uri)["champion"] == "1"
    with pytest.raises(CeterisError, match="version 1 of smoke-vqa is its first champion"):
        promote.rollback(root, TASK, uri)


@pytest.mark.usefixtures("stubbed")
def test_a_decision_is_kept_and_can_be_replayed(root: Path, uri: str) -> None:
    stub_package(root, knows=60)
    promote.promote(root, uri)
    stub_package(root, knows=90, seed=4)
    (decision,) = promote.promote(root, uri)
    version = client(uri).get_model_version(NAME, decision.version)
    with Registry(uri).folder(version) as kept:
        assert record.replay(kept) == record.read(kept).verdict == decision.verdict
        card = (kept / "card.md").read_text(encoding="utf-8")
        elsewhere = shutil.copytree(kept, root / "elsewhere")
    assert version.tags["decision"] == "promoted"
    assert version.tags["gate_digest"] == gate_items(Store(root / "outputs/tokens"), TASK).digest
    assert version.tags["previous_champion"] == "1"
    assert version.description == card
    for figure in (f"{decision.verdict.accuracy:.3f}", "floor: text_only | 0.300", "Compared with version 1"):
        assert figure in card
    # The run behind it tells the figures too, and has ended.
    run = client(uri).get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["gate/accuracy"] == decision.verdict.accuracy
    # Offline, and not by heart: other answers, another verdict.
    items = pq.read_table(elsewhere / "gate/items.parquet").to_pandas()
    items["candidate"] = items["champion"]
    items.to_parquet(elsewhere / "gate/items.parquet")
    assert not record.replay(elsewhere).promoted


@pytest.mark.usefixtures("stubbed")
def test_below_a_floor_there_is_no_first_champion(root: Path, uri: str) -> None:
    set_floors(root, 0.5)
    stub_package(root, knows=62)
    (decision,) = promote.promote(root, uri)
    assert not decision.promoted
    assert decision.verdict.accuracy > 0.5 > decision.verdict.accuracy_lower
    assert aliases(uri) == {"challenger": "1"}
    with pytest.raises(CeterisError, match="no champion that could be rolled back"):
        promote.rollback(root, TASK, uri)


@pytest.mark.usefixtures("stubbed")
def test_a_promotion_killed_before_the_alias_is_finished_by_the_next(
    root: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub_package(root, knows=60)
    with monkeypatch.context() as patched:
        patched.setattr(promote, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promote.promote(root, uri)
    assert aliases(uri) == {}
    (decision,) = promote.promote(root, uri)
    assert not decision.new
    assert aliases(uri) == {"champion": "1"}


@pytest.mark.usefixtures("stubbed")
def test_a_champion_set_by_hand_meanwhile_stays(root: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes the place of a champion that it was not compared with."""
    for knows in (60, 62):
        stub_package(root, knows=knows)
        promote.promote(root, uri)
    write = record.write

    def write_while_somebody_interferes(*arguments: Any) -> None:
        client(uri).set_registered_model_alias(NAME, "champion", "2")
        write(*arguments)

    monkeypatch.setattr(record, "write", write_while_somebody_interferes)
    stub_package(root, knows=115)
    (decision,) = promote.promote(root, uri)
    assert decision.verdict.promoted
    assert not decision.promoted
    assert aliases(uri)["champion"] == "2"


def _promote_in_a_process(root: str, uri: str, results: "multiprocessing.Queue[tuple[bool, str, str | None]]") -> None:
    promote.answer = stub_answer
    (decision,) = promote.promote(Path(root), uri)
    version = client(uri).get_model_version(NAME, decision.version)
    results.put((decision.promoted, decision.version, version.tags["previous_champion"]))


@pytest.mark.usefixtures("stubbed")
def test_eight_promotions_at_once_leave_one_champion(tmp_path: Path, root: Path, uri: str) -> None:
    """All eight are better than what was there before; each must be compared with the champion it would replace."""
    stub_package(root, knows=60)
    assert promote.promote(root, uri)[0].promoted
    roots = [Path(shutil.copytree(root, tmp_path / f"workspace-{number}", symlinks=True)) for number in range(8)]
    for number, other in enumerate(roots):
        stub_package(other, knows=100 + number, seed=0)
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    processes = [fork.Process(target=_promote_in_a_process, args=(str(other), uri, results)) for other in roots]
    for process in processes:
        process.start()
    found = sorted((results.get(timeout=900) for _ in processes), key=lambda result: int(result[1]))
    for process in processes:
        process.join(timeout=900)
        assert process.exitcode == 0
    # A linear history: versions 2 to 9, the first of them beats version 1, the other seven are not better than it.
    assert [version for _, version, _ in found] == [str(number) for number in range(2, 10)]
    assert [promoted for promoted, _, _ in found] == [True] + [False] * 7
    assert [previous for _, _, previous in found] == ["1"] + ["2"] * 7
    assert aliases(uri)["champion"] == "2"
    tests = [client(uri).get_model_version(NAME, version).tags["gate_test"] for _, version, _ in found]
    assert tests == [str(number) for number in range(1, 9)]


def test_real_models_through_the_gate(root: Path, uri: str) -> None:
    """Both are asked in processes of their own; the champion answers with the code it was registered with."""
    first = real_package(root, seed=0)
    items = gate_items(Store(root / "outputs/tokens"), TASK)
    built = root / "built"
    artefact.build(root, first, (items.images[0], items.texts[0]), built)
    says = [row["answer"] for row in artefact.answer(built, items.images, items.texts)]
    assert len(set(says)) > 1
    set_targets(root, [*says[:80], *["nothing anybody says"] * (ITEMS - 80)])
    (decision,) = promote.promote(root, uri)
    assert decision.verdict.accuracy == pytest.approx(80 / ITEMS)
    assert decision.promoted
    # The workspace's code breaks; the champion is as good as before, and the candidate cannot even be asked.
    real_package(root, seed=1)
    (root / "components").unlink()
    shutil.copytree(artefact.__file__.rsplit("/", 2)[0] + "/components", root / "components")
    broken = root / "components/models/architectures/vilt.py"
    broken.write_text("raise RuntimeError('this code has moved on')\n", encoding="utf-8")
    with pytest.raises(CeterisError, match=r"cannot run on its own code.*this code has moved on"):
        promote.promote(root, uri)
    champion = Registry(uri).champion(NAME)
    assert champion is not None
    with Registry(uri).folder(champion) as folder:
        again = artefact.answer(folder, items.images, items.texts)
    assert [row["answer"] for row in again] == says


@pytest.mark.usefixtures("stubbed")
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("outputs/package/vqa/package.json", "package.json is missing: run the pipeline first"),
        ("outputs/tokens/index.json", "holds no tokenised data"),
        ("outputs/floors/floors.json", "floors.json is missing"),
    ],
)
def test_what_is_missing_is_named(root: Path, uri: str, spoil: str, sentence: str) -> None:
    stub_package(root, knows=60)
    (root / spoil).unlink()
    with pytest.raises(CeterisError, match=sentence):
        promote.promote(root, uri)


@pytest.mark.usefixtures("stubbed")
def test_packages_of_other_data_and_champions_without_files(root: Path, uri: str) -> None:
    stub_package(root, knows=60)
    promote.promote(root, uri)
    index = root / "outputs/tokens/index.json"
    before = index.read_text(encoding="utf-8")
    stub_package(root, knows=61)
    index.write_text(json.dumps(json.loads(before) | {"data_digest": "other"}), encoding="utf-8")
    with pytest.raises(CeterisError, match="was made from other data"):
        promote.promote(root, uri)
    index.write_text(before, encoding="utf-8")
    champion = Registry(uri).champion(NAME)
    assert champion is not None
    with Registry(uri).folder(champion) as folder:
        shutil.rmtree(folder)
    with pytest.raises(CeterisError, match="the files of smoke-vqa version 1 cannot be had"):
        promote.promote(root, uri)
    assert len(Registry(uri).versions(NAME)) == 1


def test_gate_items_are_the_very_pixels(root: Path) -> None:
    from components.data.images import to_pixels

    store = Store(root / "outputs/tokens")
    items = gate_items(store, TASK)
    assert len(items.ids) == ITEMS
    rows = np.load(root / "outputs/tokens/parts/vqa/gate/image_rows.npy")
    for image, row in list(zip(items.images, rows, strict=True))[:10]:
        assert (to_pixels(image, store.pixels.shape[1]) == store.pixels[row]).all()
    set_targets(root, [*items.targets[:-1], "another"])
    assert gate_items(store, TASK).digest != items.digest
