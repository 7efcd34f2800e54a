"""Stage: draw the training samples of one replicate anew, check them beside the tests, and tokenise them.

The first replicate trains on the samples that lie beside the tests in outputs/data; every further one, where the study says
`data.redrawn`, on samples of its own. What is scored is the same in all of them. The tokenizer, the answers, the statistics of
pixels and the names of what boxes hold are those of outputs/tokens: a model must mean the same by them in every replicate.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from components.data import samples
from components.data import tokenizer as wordpiece
from components.data.images import Rendering
from components.data.sources.source import redraw
from components.data.store import Store
from components.data.store_writing import Known, Progress, survey, write_images, write_parts
from components.data.validation.materialised import check_data
from components.files.atomic import atomic_folder
from components.files.digests import digest_of_folder
from components.files.json_files import write_json
from components.paths import data_folder, tokens_folder
from components.stages.stage import Stage, main
from components.study.study import Study


def run(study: Study, arguments: argparse.Namespace, stage: Stage) -> None:
    """Write outputs/drawn/REPLICATE.

    Raises:
        CeterisError: something critical was found in what was drawn; the message holds all sentences.
    """
    replicate = int(arguments.replicate)
    data = stage.scratch / "data"
    if not (data / "source.json").is_file():
        shutil.rmtree(data, ignore_errors=True)
        with samples.SampleWriter(data) as writer:
            redraw(writer, study.data, study.tasks, replicate, lambda done, what: stage.progress(0.5 * done, what))
    rendering = Rendering(study.data.background, study.data.value_range)
    findings = check_data(
        data,
        study.tasks,
        None,
        lambda done, what: stage.progress(50 + 0.3 * done, what),
        rendering,
        tests=data_folder(stage.root),
    )
    findings.raise_if_critical(f"what replicate {replicate} has drawn")
    for sentence in findings.sentences("warning"):
        stage.log(f"warning: {sentence}")
    digest = samples.describe(data)["digest"]
    out = stage.out()
    with atomic_folder(out) as folder:
        tokens = Store(tokens_folder(stage.root))
        index = tokenised(data, folder, tokens, rendering, lambda done, what: stage.progress(80 + 0.2 * done, what))
        write_json(folder / "index.json", index | {"data_digest": digest, "digest": digest_of_folder(folder)}, indent=2)
    count = sum(count for splits in index["parts"].values() for count in splits.values())
    stage.spool.dataset(study.data.source, digest, count, "training")
    stage.progress(100, f"replicate {replicate} has training samples of its own")


def tokenised(data: Path, out: Path, tokens: Store, rendering: Rendering, progress: Progress) -> dict[str, Any]:
    """Tokenise what was drawn as `tokens` was; returns the index, without digests of its own.

    Args:
        data: folder of the samples.
        out: an empty folder.
    """
    index = tokens.index
    parts = [tokens.part(part, split) for part in index["parts"] for split in tokens.splits(part)]
    known = Known(
        classes=tuple(tokens.object_classes),
        attributes=tuple(tokens.object_attributes),
        boxes=tokens.boxes.shape[1],
        objects=tokens.objects.shape[1],
        facts=max(part.facts.shape[1] for part in parts),
    )
    shutil.copytree(tokens.folder / "tokenizer", out / "tokenizer")
    tokenizer = wordpiece.load(str(out / "tokenizer"), index["max_length"])
    rows, _ = write_images(data, out, index["image_labels"], index["image_size"], rendering, progress, known)
    found = survey(data)
    truncated, unknown = write_parts(data, out, tokenizer, rows, index["answers"], found, known)
    return {**index, "parts": found.parts, "truncated": truncated, "unknown": unknown}


if __name__ == "__main__":
    main("redraw", run, ["replicate"])
