"""Asking the champion of a task a question about a picture."""

from pathlib import Path
from typing import Any

from components.errors import CeterisError
from components.study.loading import load_study
from components.study.plan import served_tasks


def predict(root: Path, task: str, image: Path, text: str, tracking_uri: str) -> dict[str, Any]:
    """The champion's answer to one text about one picture.

    What can be wrong is looked for before MLflow and torch are imported, which takes seconds.

    Args:
        root: the workspace whose study is meant.
        image: an image file.
        tracking_uri: address of the MLflow registry.

    Returns:
        `task`, `answer`, `score`, `scores` (of all answers, the likeliest first), `model`, `version`, `architecture`, and
        `notes`: sentences on what the model could not read of the text, none where it read everything.

    Raises:
        CeterisError: unknown task, no readable picture, a text that is no Unicode, or no champion.
    """
    study = load_study(root / "params.yaml")
    if task not in study.tasks:
        raise CeterisError(f"the study {study.name} has no task {task!r}: choose one of {', '.join(study.tasks)}.")
    if task not in served_tasks(study):
        raise CeterisError(
            f"{task} is no task of one picture and one text: its models are compared, and not served; "
            f"choose one of {', '.join(served_tasks(study)) or 'another study'}."
        )
    data = _picture(image)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CeterisError("the text holds bytes that are no UTF-8: run the command in a UTF-8 terminal.") from None
    if tracking_uri.startswith("sqlite:///") and not Path(tracking_uri.removeprefix("sqlite:///")).exists():
        raise CeterisError(
            f"{tracking_uri} does not exist yet, so {task} has no champion: run the pipeline first (ceteris run)."
        )
    from registry.artefact import PACKAGE, answer, read_answering
    from registry.versions import Registry, registered_name

    registry, name = Registry(tracking_uri), registered_name(study.name, task)
    champion = registry.champion(name)
    if champion is None:
        raise CeterisError(
            f"{name} has no champion: no model has passed the gate yet (ceteris run ends with promotion)."
        )
    with registry.folder(champion) as artefact:
        package = read_answering(artefact / PACKAGE)
        given = answer(artefact, [data], [text])[0]
    scores = sorted(zip(package.answers, given["scores"], strict=True), key=lambda pair: -pair[1])
    return {
        "task": task,
        "answer": given["answer"],
        "score": given["score"],
        "scores": dict(scores),
        "model": name,
        "version": str(champion.version),
        "architecture": package.architecture,
        # A champion answers on its own code, which may be older than the notes.
        "notes": given.get("notes") or [],
    }


def _picture(path: Path) -> bytes:
    """The bytes of an image file that can be decoded."""
    if not path.is_file():
        raise CeterisError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}: name an image file.")
    from components.data.images import facts

    data = path.read_bytes()
    try:
        facts(data)
    except CeterisError as error:
        raise CeterisError(f"{path}: {error}") from None
    return data
