"""Promotion: the chosen model of each task becomes a version, and the champion if the gate lets it.

Everything between reading the present champion and naming the next happens under the registry's lock, so that of any
number of promotions at once each is compared with the champion that it would replace. A version is complete before it
gets an alias; a promotion that was killed in between is finished by the next one.
"""

import tempfile
from pathlib import Path

import numpy as np
from mlflow.entities.model_registry import ModelVersion

from components.data.store import Store
from components.errors import CeterisError
from components.files.digests import digest_of_folder
from components.paths import floors_file, package_folder, tokens_folder
from components.records.model import read
from components.records.package import Package
from components.records.scores import Floors
from components.study.loading import load_study
from components.study.plan import served_tasks
from registry import record
from registry.artefact import CODE, answer, build, read_package
from registry.card import card
from registry.decision import Decision, Test
from registry.gate import alpha_of_test, decide
from registry.items import GateItems, gate_items
from registry.versions import CHALLENGER, CHAMPION, Registry, registered_name

PROMOTED, REFUSED = "promoted", "refused"


def promote(root: Path, tracking_uri: str) -> list[Decision]:
    """Register what `outputs/package` holds and promote what passes the gate, task by task.

    A package that is registered already is left alone, whatever became of it: trying again would be a second test on the
    same items.

    Args:
        root: the workspace whose outputs are promoted.
        tracking_uri: address of the MLflow registry.

    Raises:
        CeterisError: something the gate needs is missing.
    """
    study = load_study(root / "params.yaml")
    registry = Registry(tracking_uri)
    return [promote_task(root, study.name, task, registry) for task in served_tasks(study)]


def promote_task(root: Path, study: str, task: str, registry: Registry) -> Decision:
    """Promote one task's package; see `promote`."""
    folder = package_folder(root, task)
    package, digest = read_package(folder), digest_of_folder(folder)
    name = registered_name(study, task)
    with registry.lock():
        versions = registry.versions(name)
        for version in versions:
            if version.tags.get("package_digest") == digest:
                return _known(registry, task, version)
        store = Store(tokens_folder(root))
        if package.data_digest != store.index["data_digest"]:
            raise CeterisError(f"{folder} was made from other data than {store.folder} holds: run the pipeline again.")
        items, floors = gate_items(store, task), _floors(root, task)
        with tempfile.TemporaryDirectory(prefix="ceteris-") as scratch:
            artefact = Path(scratch) / "artefact"
            build(root, folder, (items.images[0], items.texts[0]), artefact)
            test = _test(registry, task, name, digest, artefact, items, floors, versions)
            text = card(package, test, name)
            (artefact / "card.md").write_text(text, encoding="utf-8")
            number = registry.register(study, name, artefact, text, _tags(package, test, artefact), _metrics(test))
        promoted = _settle(registry, registry.version(name, number))
    return _decision(task, name, number, promoted, test, package)


def rollback(root: Path, task: str, tracking_uri: str) -> str:
    """Make the champion's predecessor the champion again, and say so in a sentence.

    Raises:
        CeterisError: there is no champion, or none before it.
    """
    study = load_study(root / "params.yaml")
    if task not in study.tasks:
        raise CeterisError(f"the study {study.name} has no task {task!r}: choose one of {', '.join(study.tasks)}.")
    registry, name = Registry(tracking_uri), registered_name(study.name, task)
    with registry.lock():
        champion = registry.champion(name)
        if champion is None:
            raise CeterisError(f"{name} has no champion that could be rolled back: run ceteris promote first.")
        previous = champion.tags.get("previous_champion")
        if not previous:
            raise CeterisError(
                f"version {champion.version} of {name} is its first champion: there is none to roll back to."
            )
        with registry.folder(
            registry.version(name, previous)
        ):  # a champion that cannot be had would be worse than this
            registry.client.set_registered_model_alias(name, CHAMPION, previous)
        registry.client.set_model_version_tag(name, champion.version, "rolled_back", "true")
    return f"version {previous} of {name} is the champion again, in place of version {champion.version}."


def _test(
    registry: Registry,
    task: str,
    name: str,
    digest: str,
    artefact: Path,
    items: GateItems,
    floors: dict[str, float],
    versions: list[ModelVersion],
) -> Test:
    """Put a candidate to the test and keep the decision in its artefact."""
    champion = registry.champion(name)
    candidate = _answers(artefact, items)
    rival = None
    if champion is not None:
        with registry.folder(champion) as folder:
            rival = _answers(folder, items)
    number = 0 if rival is None else 1 + sum(version.tags.get("gate_test", "0") != "0" for version in versions)
    verdict = decide(candidate, rival, items.groups, floors, alpha_of_test(max(1, number)))
    test = Test(
        task=task,
        package_digest=digest,
        gate_digest=items.digest,
        champion=None if champion is None else str(champion.version),
        number=number,
        verdict=verdict,
    )
    record.write(test, items, candidate, rival, artefact)
    return test


def _answers(artefact: Path, items: GateItems) -> np.ndarray:
    return items.correct([row["answer"] for row in answer(artefact, items.images, items.texts)])


def _floors(root: Path, task: str) -> dict[str, float]:
    path = floors_file(root)
    floors = read(path, dict[str, Floors], "run the floors stage again").get(task, {}).get("gate")
    if not floors:
        raise CeterisError(f"{path} has no floors for {task} on the gate split: run the floors stage again.")
    return floors


def _tags(package: Package, test: Test, artefact: Path) -> dict[str, str]:
    tags = {
        key: str(getattr(package, key)) for key in ("study", "task", "architecture", "cell", "replicate", "data_digest")
    }
    verdict = test.verdict
    return tags | {
        "package_digest": test.package_digest,
        "code_digest": digest_of_folder(artefact / CODE),
        "gate_digest": test.gate_digest,
        "gate_test": str(test.number),
        "decision": PROMOTED if verdict.promoted else REFUSED,
        "reason": verdict.reason,
        "previous_champion": test.champion or "",
    }


def _metrics(test: Test) -> dict[str, float]:
    figures = test.verdict.model_dump()
    shown = ("accuracy", "accuracy_lower", "champion_accuracy", "difference", "difference_lower", "alpha")
    return {f"gate/{figure}": figures[figure] for figure in shown if figures[figure] is not None}


def _settle(registry: Registry, version: ModelVersion) -> bool:
    """Give a decided version its alias and tell whether it is the champion.

    Nothing happens twice, and none takes the place of a champion that it was not compared with: somebody may have set
    one by hand since, or promoted by another address of the same registry.
    """
    client, name, number = registry.client, version.name, str(version.version)
    champion = registry.champion(name)
    current = str(champion.version) if champion else ""
    if not version.tags.get("settled"):
        if version.tags["decision"] == REFUSED:
            client.set_registered_model_alias(name, CHALLENGER, number)
        elif current == version.tags["previous_champion"]:
            client.set_registered_model_alias(name, CHAMPION, number)
            current = number
        client.set_model_version_tag(name, number, "settled", "true")
    return current == number


def _known(registry: Registry, task: str, version: ModelVersion) -> Decision:
    number = str(version.version)
    standing = "the champion" if _settle(registry, version) else "not the champion"
    sentence = (
        f"{task}: this package is version {number} of {version.name} already, {standing}; nothing was registered."
    )
    with registry.folder(version) as folder:
        verdict = record.read(folder).verdict
    return Decision(
        task=task, promoted=False, version=number, sentence=sentence, new=False, name=version.name, verdict=verdict
    )


def _decision(task: str, name: str, number: str, promoted: bool, test: Test, package: Package) -> Decision:
    what = f"{package.arm} from {package.cell}, replicate {package.replicate}"
    outcome = f"version {number} of {name} ({what}) is {'the new champion' if promoted else 'no champion'}"
    return Decision(
        task=task,
        promoted=promoted,
        version=number,
        sentence=f"{task}: {outcome}: {test.verdict.reason}.",
        new=True,
        name=name,
        verdict=test.verdict,
    )
