"""The model card: what a version is and what is known about it, from the evidence alone."""

from components.records.package import Package
from registry.decision import Test


def card(package: Package, test: Test, name: str) -> str:
    """A model card in Markdown."""
    return "\n".join([*_about(package, name), *_gate(test), *_scores(package), *_training(package), *_limits(package)])


def _about(package: Package, name: str) -> list[str]:
    answers = package.answers
    limits = package.value_range
    greys = (
        f"; in pictures of more than 8 bits, values from {limits[0]:g} to {limits[1]:g} become black to white"
        if limits
        else ""
    )
    shown = ", ".join(f"`{answer}`" for answer in answers[:12]) + (", ..." if len(answers) > 12 else "")
    return [
        f"# {name}",
        "",
        f"Answers a text about a picture: task `{package.task}` ({package.kind}) of the study `{package.study}`.",
        "",
        f"* Architecture `{package.architecture}`, cell `{package.cell}`, replicate {package.replicate}. The "
        "architecture was chosen on the selection split over all replicates, its cell and the replicate on validation.",
        f"* In: `image`, the bytes of an image file (base64 in JSON), fitted into {package.image_size}x"
        f"{package.image_size} pixels on {package.background}{greys}; "
        f"`text`, cut off at {package.configuration['max_length']} tokens.",
        f"* Out: `answer`, `score` (softmax, not calibrated), `scores` of all {len(answers)} answers: {shown}.",
        "",
    ]


def _gate(test: Test) -> list[str]:
    verdict = test.verdict
    lines = [
        "## Gate",
        "",
        f"**{'Promoted' if verdict.promoted else 'Refused'}**: {verdict.reason}.",
        "",
        f"{verdict.items} items in {verdict.clusters} groups, used for nothing else (sha256 `{test.gate_digest[:16]}`). "
        + (
            f"Compared with version {test.champion}, test number {test.number} of this task."
            if test.champion
            else "There was no champion to compare with."
        ),
        "",
        "| on the gate split | accuracy |",
        "|---|---|",
        f"| this model | {verdict.accuracy:.3f} (at least {verdict.accuracy_lower:.3f} with 95% confidence) |",
    ]
    if verdict.champion_accuracy is not None:
        lines.append(f"| the champion then | {verdict.champion_accuracy:.3f} |")
    return [*lines, *(f"| floor: {floor} | {value:.3f} |" for floor, value in sorted(verdict.floors.items())), ""]


def _scores(package: Package) -> list[str]:
    chosen, lines = package.chosen, ["## Other splits", ""]
    if chosen.low is not None and chosen.high is not None:
        lines += [
            f"All replicates of this cell on the selection split: {chosen.mean:.3f} (interval "
            f"{chosen.low:.3f} to {chosen.high:.3f}). This file alone:",
            "",
        ]
    rows = [f"| {split} | {row.score:.3f} | {row.items} |" for split, row in sorted(package.scores.items())]
    return [*lines, "| split | score | items |", "|---|---|---|", *rows, ""]


def _training(package: Package) -> list[str]:
    training = package.training
    lines = [
        "## Training",
        "",
        f"* {training.parameters.total:,} parameters, {training.parameters.trained:,} of them trained.",
        f"* {training.samples:,} samples seen in fine-tuning.",
        f"* {training.flops.forward_per_sample:.3g} FLOPs per answer.",
    ]
    return [*lines, f"* Data sha256 `{package.data_digest[:16]}`, weights sha256 `{package.weights[:16]}`.", ""]


def _limits(package: Package) -> list[str]:
    return [
        "## Limits",
        "",
        "It knows the pictures, words and answers of its study and nothing else, and always gives one of its answers. The "
        "scores hold for samples drawn as the splits were.",
        "",
    ]
