"""The registered model itself: loaded by MLflow, in strangers' processes, and served."""

import base64
import io
import json
import logging
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.exceptions import MlflowException
from PIL import Image

from components.code.reached import Entry, Sources
from components.data.store import Store
from components.errors import CeterisError
from components.files.digests import digest_of_folder
from components.models.architectures import ARCHITECTURES
from components.serving.answering import Answerer
from registry.artefact import CARRIED, PACKAGE, answer, build, requirements
from registry.items import gate_items, png
from registry.promote import promote
from registry.versions import Registry
from tests.registry.fabricated import ANSWERS, TASK, make_workspace, real_package, set_floors

ROOT = Path(__file__).parents[2]

PATIENCE = 900.0
"""Seconds after which a test gives up instead of hanging for ever; nothing is measured by it."""
LOAD = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/smoke-vqa@champion")
import components.serving.answering as used
rows = pd.read_parquet(sys.argv[2])
print(json.dumps({"code": used.__file__, "answers": model.predict(rows)["answer"].tolist()}))
"""


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> tuple[Path, str]:
    """A workspace with a real champion, and its registry."""
    root = tmp_path_factory.mktemp("promoted")
    uri = f"sqlite:///{root}/mlflow.db"
    (root / "mlflow.db").write_bytes(empty_registry.read_bytes())
    make_workspace(root)
    set_floors(root, 0.01)
    real_package(root)
    (decision,) = promote(root, uri)
    assert decision.promoted, decision.sentence
    return root, uri


@pytest.fixture(scope="module")
def champion(promoted: tuple[Path, str]) -> Iterator[Path]:
    """The champion's artefact."""
    registry = Registry(promoted[1])
    version = registry.champion("smoke-vqa")
    assert version is not None
    with registry.folder(version) as folder:
        yield folder


@pytest.fixture(scope="module")
def questions(promoted: tuple[Path, str]) -> pd.DataFrame:
    items = gate_items(Store(promoted[0] / "outputs/tokens"), TASK)
    return pd.DataFrame({"image": items.images, "text": items.texts})


def strangers_environment() -> dict[str, str]:
    """The environment of somebody who does not know this repository."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # MLflow finds the server's program by PATH.
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return kept | {
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def test_any_batch_size_and_the_same_answers(champion: Path, questions: pd.DataFrame) -> None:
    model = mlflow.pyfunc.load_model(str(champion))
    one, five = model.predict(questions[:1]), model.predict(questions[:5])
    assert list(five.columns) == ["answer", "score", "scores"]
    assert five["answer"].tolist()[0] == one["answer"].tolist()[0]
    assert len(one) == 1
    assert len(five) == 5
    for _, row in five.iterrows():
        assert set(row["scores"]) == set(ANSWERS)
        assert sum(row["scores"].values()) == pytest.approx(1)
        assert row["score"] == row["scores"][row["answer"]] == max(row["scores"].values())
    everything = model.predict(questions)["answer"].tolist()
    assert len(set(everything)) > 1
    apart = answer(champion, questions["image"].tolist(), questions["text"].tolist())
    assert everything == [row["answer"] for row in apart]
    with pytest.raises(MlflowException, match="text"):
        model.predict(questions[["image"]])


def test_the_log_says_which_texts_were_not_read_whole(
    champion: Path, questions: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    """The signature of a registered model has no place for it."""
    model = mlflow.pyfunc.load_model(str(champion))
    rows = questions[:3].reset_index(drop=True)
    with caplog.at_level(logging.WARNING, logger="ceteris"):
        whole = model.predict(rows)
        assert not caplog.records
        rows.loc[1, "text"] = "is there a red circle ? " * 3
        rows.loc[2, "text"] = "is there a ☃ ?"
        assert list(model.predict(rows).columns) == list(whole.columns)
    assert [record.getMessage() for record in caplog.records] == [
        "2 of 3 texts were not read whole, for example that of request 1: "
        "the text was cut: the model reads 10 tokens of it, and 8 more were left out."
    ]


def test_answers_are_those_of_the_network_that_was_evaluated(champion: Path, questions: pd.DataFrame) -> None:
    """Logits from encoded pictures and plain texts, to the bit those of the training code's network on the same pixels."""
    import torch

    from components.data import tokenizer as wordpiece
    from components.data.images import to_pixels
    from components.models.architectures import load
    from components.models.pixels import PixelScaling
    from components.tasks import load as load_task
    from components.training.finetuning import FinetuningNetwork
    from components.training.weights import load_weights

    answerer = Answerer.load(champion / PACKAGE)
    model = load("vilt")(answerer.configuration)
    network = FinetuningNetwork(model, PixelScaling(), model.head(len(ANSWERS)), load_task("vqa")).eval()
    network.load_state_dict(load_weights(champion / PACKAGE / "model.safetensors"))
    pixels = torch.from_numpy(np.stack([to_pixels(image, 24) for image in questions["image"]]))
    texts = questions["text"].tolist()
    tokenizer = wordpiece.Tokenizer.from_file(str(champion / PACKAGE / "tokenizer/tokenizer.json"))
    input_ids, lengths, _ = wordpiece.encode(tokenizer, texts)
    longest = lengths.max()
    batch = {
        "pixels": pixels,
        "input_ids": torch.from_numpy(input_ids[:, :longest].astype(np.int64)),
        "attention_mask": torch.from_numpy((np.arange(longest) < lengths[:, None]).astype(np.int64)),
    }
    with torch.inference_mode():
        expected = network.scores(batch)
    assert torch.equal(answerer.logits(pixels, texts), expected)


def test_a_stranger_loads_the_champion(
    promoted: tuple[Path, str], champion: Path, questions: pd.DataFrame, tmp_path: Path
) -> None:
    """A fresh interpreter in another folder, without site packages of ours: the code comes with the model."""
    questions.to_parquet(tmp_path / "questions.parquet")
    # -I leaves out the working directory and PYTHONPATH; what is installed in place is taken out by the script.
    script = "import sys\nsys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n" + LOAD
    process = subprocess.run(
        [sys.executable, "-I", "-B", "-c", script, promoted[1], str(tmp_path / "questions.parquet")],
        cwd=tmp_path,
        env=strangers_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    said = json.loads(process.stdout.splitlines()[-1])
    assert Path(said["code"]).is_relative_to(champion)
    assert len(set(said["answers"])) > 1


def test_it_holds_no_pickle_and_names_exact_versions(champion: Path) -> None:
    suffixes = {path.suffix for path in champion.rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".pyc"}
    flavour = yaml.safe_load((champion / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
    assert "python_model" not in flavour  # where a pickled model would be named
    assert flavour["model_code_path"].endswith("pyfunc_model.py")
    needed = (champion / "requirements.txt").read_text(encoding="utf-8").split()
    assert needed == requirements()
    pinned = dict(line.split("==") for line in needed)
    constraints = dict(
        line.split("==") for line in (Path(__file__).parents[2] / "constraints.txt").read_text().split() if "==" in line
    )
    assert pinned == {name: constraints[name] for name in pinned}
    carried = {path.relative_to(champion / "code").parts[:2] for path in (champion / "code").rglob("*.py")}
    assert {parts[1] for parts in carried} == {"__init__.py", "catalogue.py", "errors.py", "data", "models", "serving"}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_finds_its_code_in_an_artefact(name: str) -> None:
    entry = Entry(("components.serving.answering",), frozenset({name}))
    carried = {path.relative_to(ROOT).as_posix() for kind in CARRIED for path in (ROOT / "components").glob(kind)}
    assert set(Sources(ROOT).reached(entry)) <= carried


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.mark,)


def test_a_booby_trap_is_refused_unexecuted(champion: Path, promoted: tuple[Path, str], tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    trap = pickle.dumps(Trap(str(mark)))
    pickle.loads(trap)
    assert mark.exists(), "the trap works"
    mark.rmdir()
    # In place of the weights.
    trapped = Path(shutil.copytree(champion, tmp_path / "weights"))
    (trapped / PACKAGE / "model.safetensors").write_bytes(trap)
    with pytest.raises(CeterisError, match="cannot run on its own code"):
        answer(trapped, [b""], [""])
    # As a pickled pyfunc, where the process forbids unpickling as all of ours do.
    pickled = Path(shutil.copytree(champion, tmp_path / "pyfunc"))
    (pickled / "python_model.pkl").write_bytes(trap)
    description = yaml.safe_load((pickled / "MLmodel").read_text(encoding="utf-8"))
    flavour = description["flavors"]["python_function"]
    del flavour["model_code_path"]
    flavour |= {"python_model": "python_model.pkl", "cloudpickle_version": "3.1.2"}
    (pickled / "MLmodel").write_text(yaml.safe_dump(description), encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-c", "import mlflow.pyfunc, sys; mlflow.pyfunc.load_model(sys.argv[1])", str(pickled)],
        env=strangers_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0
    assert "Deserializing model using pickle is disallowed" in process.stderr
    assert not mark.exists()


def test_weights_must_fit(champion: Path, tmp_path: Path) -> None:
    """A head that is silently left as initialised is the classic way to score 0.5 today and 0.6 tomorrow."""
    from safetensors.torch import load_file, save_file

    copied = Path(shutil.copytree(champion / PACKAGE, tmp_path / "package"))
    weights = copied / "model.safetensors"
    state = load_file(weights)
    lacking = {key: value for key, value in state.items() if not key.startswith("head.")}
    save_file(lacking, weights)
    with pytest.raises(RuntimeError, match=r"Missing key.*head\."):
        Answerer.load(copied)
    (copied / "tokenizer/tokenizer.json").unlink()
    with pytest.raises(CeterisError, match=r"tokenizer.json is missing"):
        Answerer.load(copied)


def test_requests_that_cannot_be_answered(champion: Path, questions: pd.DataFrame) -> None:
    answerer = Answerer.load(champion / PACKAGE)
    picture = questions["image"][0]
    assert answerer.answer([], []) == []
    assert answerer.answer([picture], [""])[0].answer in ANSWERS
    with pytest.raises(CeterisError, match="request 1: the bytes are no picture"):
        answerer.answer([picture, b"GIF of nothing"], ["a", "b"])
    with pytest.raises(CeterisError, match="request 0: the picture is empty"):
        answerer.answer([b""], ["a"])
    with pytest.raises(CeterisError, match="request 1 has no text"):
        answerer.answer([picture, picture], ["a", None])  # type: ignore[list-item]
    with pytest.raises(CeterisError, match="the text of request 1 holds half a character"):
        answerer.answer([picture, picture], ["a", "b\ud800"])
    with pytest.raises(CeterisError, match="2 pictures came with 1 texts"):
        answerer.answer([picture, picture], ["a"])


def test_pictures_are_drawn_as_training_saw_them(root: Path, tmp_path: Path) -> None:
    """A wide grey and a drawing on transparency, asked about in the artefact's own process, on the code it carries."""
    values = np.random.default_rng(2).integers(-1000, 3001, (24, 24)).astype(np.int32)
    drawn = ((values + 1000) / 4000 * 255).round().astype(np.uint8)
    drawing = np.full((24, 24, 4), 255, dtype=np.uint8)
    drawing[..., 3] = np.random.default_rng(3).integers(0, 2, (24, 24)) * 255
    asked = [encoded(values, "TIFF"), encoded(drawing, "PNG")]
    same = [png(np.stack([drawn] * 3, axis=2)), png(np.stack([drawing[..., 3]] * 3, axis=2))]
    texts = ["what colour has the square ?"] * 2
    package = real_package(root, background="black", value_range=[-1000, 3000])
    answerer = Answerer.load(package)
    for picture, plain in zip(asked, same, strict=True):
        assert (answerer._pixels(picture, 0) == answerer._pixels(plain, 0)).all()
    build(root, package, (same[0], "is there"), tmp_path / "artefact")
    assert answer(tmp_path / "artefact", asked, texts) == answer(tmp_path / "artefact", same, texts)
    plain_package = Answerer.load(real_package(root))
    with pytest.raises(CeterisError, match=r"request 0: the picture has values from -991 to 2999 in more than 8 bits"):
        plain_package.answer(asked[:1], texts[:1])


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_packages_with_equal_bytes_have_equal_digests(root: Path) -> None:
    first = digest_of_folder(real_package(root, seed=3))
    assert digest_of_folder(real_package(root, seed=3)) == first
    assert digest_of_folder(real_package(root, seed=4)) != first


def test_carried_code_is_enough_where_encoders_are_hugging_faces(root: Path, tmp_path: Path) -> None:
    picture = png(np.zeros((24, 24, 3), dtype=np.uint8))
    build(root, real_package(root, "mmbt"), (picture, "is there"), tmp_path / "artefact")
    (given,) = answer(tmp_path / "artefact", [picture], ["what colour has the square ?"])
    assert given["answer"] in ANSWERS


def test_mlflow_serves_the_champion(promoted: tuple[Path, str], champion: Path, questions: pd.DataFrame) -> None:
    """`mlflow models serve` on loopback; a picture travels as base64."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", "models:/smoke-vqa@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = strangers_environment() | {"MLFLOW_TRACKING_URI": promoted[1]}
    log = (promoted[0] / "serve.log").open("w+")
    server = subprocess.Popen(command, cwd=promoted[0], env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_healthy(port, server, Path(log.name))
        expected = [
            row["answer"] for row in answer(champion, list(questions["image"][:3]), list(questions["text"][:3]))
        ]
        images = [base64.b64encode(image).decode() for image in questions["image"][:3]]
        rows = [{"image": image, "text": text} for image, text in zip(images, questions["text"][:3], strict=True)]
        given = _ask(port, {"dataframe_records": rows})["predictions"]
        assert [row["answer"] for row in given] == expected
        assert set(given[0]["scores"]) == set(ANSWERS)
        # The input example that is shown beside the model works as it is.
        example = json.loads((champion / "serving_input_example.json").read_text(encoding="utf-8"))
        assert len(_ask(port, example)["predictions"]) == 1
        with pytest.raises(urllib.error.HTTPError) as refused:
            _ask(port, {"dataframe_records": [{"image": "AAAA", "text": "is there"}]})
        assert 400 <= refused.value.code < 600
        assert "request 0: the bytes are no picture" in refused.value.read().decode()
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        log.close()


def _ask(port: int, content: dict) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.loads(response.read())


def _wait_until_healthy(port: int, server: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the server did not start:\n{log.read_text()}")
