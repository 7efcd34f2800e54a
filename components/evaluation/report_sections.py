"""The sections of the report, from the leaderboard and what lies beside it."""

from collections.abc import Sequence
from html import escape

from components.evaluation.plots import Canvas, padded
from components.evaluation.plots_curves import Curve, learning_curves, quality_against_flops
from components.evaluation.plots_forest import effect_rows, forest, score_rows
from components.evaluation.report_data import Example
from components.evaluation.report_page import (
    Json,
    cell_name,
    drawing,
    legend,
    paragraph,
    score_table,
    section,
    table,
    text_cell,
)
from components.evaluation.wording import (
    count,
    gaps,
    headline,
    interval,
    listed,
    measure,
    memory,
    name,
    percent,
    points,
    readable,
    seconds,
)

SECTIONS = {
    "means": "Means and intervals",
    "step": "The intermediate step",
    "computation": "Quality against computation",
    "slices": "Slices and generalisation",
    "curves": "Learning curves",
    "examples": "Example predictions",
    "costs": "Costs",
    "certificate": "What was equal",
    "method": "How it is computed",
}


def opening(board: Json, present: Sequence[str]) -> str:
    """Title, grade, and a card per task."""
    replicates = len(board["replicates"])
    equal = board["digests"]["equal"]
    chips = [
        ("", f"{replicates} replicate{'s' if replicates > 1 else ''}"),
        ("", f"{100 * board['confidence']:.3g}% intervals over {board['interval_over']}"),
        ("", f"{board['grade']} comparison"),
        ("good", "✓ equal data, by digest") if equal else ("bad", "✗ data not equal"),
    ]
    drawn = "".join(f'<li class="{kind}">{escape(words)}</li>' for kind, words in chips)
    links = "".join(f'<a href="#{key}">{escape(SECTIONS[key])}</a>' for key in present)
    return (
        f'<header><p class="eyebrow">Ceteris · study {escape(board["study"])}</p>'
        "<h1>Which architecture is better, all else equal?</h1>"
        f"{paragraph(board['grade_reason'], 'lead')}"
        f'<ul class="chips">{drawn}</ul><nav aria-label="Sections">{links}</nav>'
        f'<div class="cards">{"".join(_card(board, task) for task in board["tasks"])}</div></header>\n'
    )


def _card(board: Json, task: str) -> str:
    entry = board["tasks"][task]
    chosen = entry["chosen"]
    floor, value = max(entry["floors"]["selection"].items(), key=lambda item: item[1])
    ties = [name(cell) for cell in chosen["tied_with"]]
    if board["grade"] == "descriptive":
        tied = "Descriptive: no verdict."
    else:
        tied = f"Not separated from {listed(ties)}." if ties else "Better than every other cell."
    words = [f"{name(chosen)}, {interval(chosen)}. {tied}"]
    if chosen["baseline"]:
        words.append("A simple baseline is best here.")
    above = 100 * (chosen["mean"] - value)
    side = "lower" if above >= 0 else "higher"
    words.append(f"Highest floor: {readable(floor)}, {percent(value)}%, {abs(above):.1f} points {side}.")
    return (
        f'<article class="card"><h3 style="margin:0">{escape(readable(task))}</h3>'
        f'<p class="big number">{percent(chosen["mean"])}<small>%</small></p>'
        f"{paragraph(words[0])}{paragraph(' '.join(words[1:]), 'soft-text')}</article>"
    )


def means(board: Json) -> str:
    """Forest plot per task."""
    parts = [legend(_starts(board))]
    for task, entry in board["tasks"].items():
        floors = {f"{readable(key)} {percent(value)}": value for key, value in entry["floors"]["selection"].items()}
        rows = score_rows(entry)
        shaded = "the shaded row is the best mean"
        if entry["chosen"]["tied_with"]:
            shaded = "shaded rows are the best mean and the cells that are not separated from it"
        sentence = headline(board, task)
        caption = (
            f"{measure(entry).capitalize()} (%) on {entry['items']:,} samples of the selection split, mean and interval; "
            f"the small dots are the replicates. Dashed lines are floors, what can be scored without understanding; {shaded}."
        )
        title = f"{readable(task)}: means with intervals"
        parts.append(f"<h3>{escape(readable(task))}</h3>{paragraph(sentence)}")
        if gaps(entry):
            parts.append(paragraph(gaps(entry), "soft-text"))
        parts.append(drawing(title, forest(rows, floors), forest(rows, floors, narrow=True), caption, sentence))
    return section("means", SECTIONS["means"], *parts)


def step(board: Json) -> str:
    """The effect of the intermediate step; empty where no study arm has both starts."""
    effects = board["pretraining"]
    if not effects:
        return ""
    rows = effect_rows(effects)
    caption = (
        "Difference in percentage points between fine-tuning from the multimodally and from the unimodally pretrained "
        "start, paired on the same samples; right of zero the step helps. "
        "Both starts are fine-tuned alike, so the multimodal one has seen more samples "
        f"({count(max(effect['extra_samples'] for effect in effects))} more): more computation is part of the effect."
    )
    said = "; ".join(
        f"{readable(e['architecture'])} on {readable(e['task'])}, {e['labels']} labels: "
        f"{points(e['difference'])} {interval(e, signed=True)}, {e['verdict']}"
        for e in effects
    )
    body = [
        [
            f"<td>{points(effect['difference'])}</td>",
            f"<td>{interval(effect, signed=True)}</td>",
            f"<td>{_p(effect['p_holm'])}</td>",
            text_cell(effect["verdict"]),
        ]
        for effect in effects
    ]
    heads = [
        f"{escape(row.name)}<small>{escape(row.section)}, {escape(row.detail.partition(':')[0])}</small>"
        for row in rows
    ]
    listing = table(
        "Multimodal minus unimodal start, points; p after Holm over all rows",
        ["", "difference", "interval", "p", "verdict"],
        [(head, cells, False) for head, cells in zip(heads, body, strict=True)],
    )
    return section(
        "step",
        SECTIONS["step"],
        drawing(
            "What multimodal intermediate pretraining changes",
            forest(rows, {"no effect": 0.0}, signed=True),
            forest(rows, {"no effect": 0.0}, signed=True, narrow=True),
            caption,
            said,
        ),
        f"<details><summary>The same as a table</summary>{listing}</details>",
    )


def computation(board: Json) -> str:
    """Scatter of quality against FLOPs, where they are known."""
    parts = [legend(_starts(board))]
    for task, entry in board["tasks"].items():
        cells = [cell for cell in entry["cells"] if cell["candidate"]]
        if not any(cell["flops"]["training"] for cell in cells):
            continue
        floor = max(entry["floors"]["selection"].values())
        caption = (
            f"{measure(entry).capitalize()} (%) with its interval against the FLOPs of unimodal, intermediate and "
            "fine-tuning training together, on a logarithmic axis. Up and to the left is better: what lies below and right of "
            "another costs more and scores less."
        )
        parts.append(f"<h3>{escape(readable(task))}</h3>")
        wide, narrow = (quality_against_flops(cells, floor, small) for small in (False, True))
        parts.append(drawing(f"{readable(task)}: quality against computation", wide, narrow, caption))
    return section("computation", SECTIONS["computation"], *parts) if len(parts) > 1 else ""


def slices(board: Json) -> str:
    """Tables by form and by split."""
    parts = []
    for task, entry in board["tasks"].items():
        cells = [cell for cell in entry["cells"] if cell["candidate"]]
        forms = sorted({form for cell in cells for form in cell["forms"]})
        general = sorted(split for split in cells[0]["splits"] if split.startswith("general_"))
        columns = [("splits", "selection", "selection")]
        columns += [("splits", split, readable(split.removeprefix("general_"))) for split in general]
        if cells[0]["hard"]:
            columns.append(("hard", "", "hard"))
        parts.append(f"<h3>{escape(readable(task))}</h3>")
        if forms:
            caption = f"{readable(task)}: {measure(entry)} (%) by form, selection split"
            parts.append(score_table(cells, [("forms", form, readable(form)) for form in forms], caption))
        if len(columns) > 1:
            caption = f"{readable(task)}: {measure(entry)} (%) on the generalisation splits and the hard samples"
            parts.append(score_table(cells, columns, caption))
        if not forms and len(columns) == 1:
            parts.append(paragraph("The samples of this task have no forms and no generalisation splits."))
    lead = (
        "Each column is tinted from its lowest to its highest score, with the interval below the mean. Generalisation splits "
        "hold what training never showed; hard samples are those that both unimodal floors get wrong."
    )
    return section("slices", SECTIONS["slices"], paragraph(lead), *parts)


def curves(
    tuning: dict[str, dict[str, list[Curve]]], shown: dict[str, str], pretraining: dict[str, dict[str, Curve]]
) -> str:
    """Small panels per architecture; empty where there are no curves."""
    parts = []
    for task, by_architecture in tuning.items():
        found = [curve for each in by_architecture.values() for curve in each]
        if not found:
            continue
        reach, until = _reach(found), max(max(curve.samples) for curve in found)
        panels = "".join(
            _panel(
                readable(architecture), learning_curves(each, reach, until), f"{task} {shown[task]} of {architecture}"
            )
            for architecture, each in by_architecture.items()
            if each
        )
        starts = {curve.start for curve in found}
        parts.append(f"<h3>{escape(readable(task))}: {escape(readable(shown[task]))}</h3>")
        parts.append(legend(sorted(starts), lines=True, few=any(curve.few for curve in found)))
        parts.append(f'<div class="panels">{panels}</div>')
    panels = "".join(
        _panel(
            f"{readable(architecture)}: {readable(metric)}",
            learning_curves([curve], _reach([curve]), max(curve.samples)),
            f"intermediate step of {architecture}, {metric}",
        )
        for architecture, metrics in pretraining.items()
        for metric, curve in metrics.items()
    )
    if panels:
        parts.append(f'<h3>The multimodal intermediate step</h3><div class="panels">{panels}</div>')
    lead = (
        "Lines are means over replicates against the samples seen, bands reach from the lowest to the highest replicate. "
        "They are measured on the training batches as they pass, so they show how learning went, not how well it generalises."
    )
    return section("curves", SECTIONS["curves"], paragraph(lead), *parts) if parts else ""


def _panel(heading: str, canvas: Canvas, title: str) -> str:
    return f"<div><h4>{escape(heading)}</h4>{canvas.svg(title)}</div>"


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    return padded([value for curve in curves for value in (*curve.low, *curve.high)], 0.03)


def examples(shown: dict[str, list[Example]]) -> str:
    """Cards with pictures; empty where pictures are not at hand."""
    parts = []
    for task, items in shown.items():
        if items:
            parts.append(f"<h3>{escape(readable(task))}</h3>")
            parts.append(f'<div class="examples">{"".join(_example(item) for item in items)}</div>')
    lead = (
        "The best start of each architecture, first replicate, on samples where architectures disagree most; the forms take "
        "turns. As many are shown that the chosen cell gets right as wrong, so they say nothing about how often that is."
    )
    return section("examples", SECTIONS["examples"], paragraph(lead), *parts) if parts else ""


def _example(item: Example) -> str:
    kind = ' class="pixels"' if item.small else ""
    asked = f"<p class='asked'>{escape(item.text)}</p>" if item.text else ""
    alternative = escape(f"picture of {item.id}", quote=True)
    pictures = "".join(f'<img src="{uri}" alt="{alternative}" loading="lazy"{kind}>' for uri in item.pictures)
    said = "".join(
        f'<li><span class="{"yes" if right else "no"}" aria-hidden="true">{"✓" if right else "✗"}</span>'
        f"<span>{escape(readable(who))} <small>{escape(start)}</small>"
        f'<span class="hidden"> {"right" if right else "wrong"}</span></span><b>{escape(answer)}</b></li>'
        for who, start, answer, right in item.predictions
    )
    form = f" · {escape(readable(item.form))}" if item.form else ""
    return (
        f'<article class="example"><div class="pictures">{pictures}</div><div class="words">{asked}'
        f'<p class="soft-text">gold: <strong>{escape(item.target)}</strong>{form}</p><ul>{said}</ul></div></article>'
    )


def costs(board: Json, measured: dict[str, dict[str, float | None]]) -> str:
    """Parameters, FLOPs, samples, and time where known."""
    parts = []
    for task, entry in board["tasks"].items():
        rows = []
        for cell in entry["cells"]:
            samples, flops = cell["samples"], cell["flops"]
            values = [
                text_cell(cell["visual"]),
                text_cell(count(cell["parameters"]["total"]), f"{count(cell['parameters']['trained'])} trained"),
                text_cell(count(flops["forward_per_sample"])),
                text_cell(count(flops["training"])),
                text_cell(
                    count(samples["total"]),
                    f"{count(samples['unimodal'])} + {count(samples['pretraining'])} + {count(samples['finetuning'])}",
                ),
            ]
            rows.append((cell_name(cell), values, cell["chosen"]))
        header = [
            "architecture and start",
            "visual input",
            "parameters",
            "FLOPs a sample",
            "FLOPs of training",
            "samples seen",
        ]
        caption = f"{readable(task)}: samples are unimodal + intermediate + fine-tuning"
        parts.append(table(caption, header, rows))
    rows = [
        (
            escape(readable(architecture)),
            [
                text_cell(seconds(cost["pretrain"])),
                text_cell(seconds(cost["finetune"])),
                text_cell(memory(cost["memory"])),
            ],
            False,
        )
        for architecture, cost in measured.items()
    ]
    header = ["architecture", "intermediate step", "fine-tuning, all starts and tasks", "peak memory"]
    parts.append(
        table("Wall time of one replicate on this machine, which may have been doing other work", header, rows)
    )
    lead = (
        "Parameters, FLOPs and samples belong to the study and are the same wherever it runs. Seconds and memory were measured "
        "where this report was made."
    )
    return section("costs", SECTIONS["costs"], paragraph(lead), *parts)


def certificate(board: Json) -> str:
    """Whether the digests agree."""
    digests = board["digests"]
    if digests["equal"]:
        words = (
            f"In all {digests['compared']} sets of runs (one per task, amount of labels and replicate, and one per replicate of "
            "the intermediate step) the digests of the sample ids and of the raw content that the modules were handed agree "
            "across architectures and starts. Corruption may differ where objectives do; parameters, FLOPs and memory are "
            "stated above and not equal."
        )
        return section("certificate", SECTIONS["certificate"], paragraph(words))
    rows = [
        (
            escape(violation["where"]),
            [
                text_cell(violation["digest"]),
                text_cell("; ".join(f"{digest[:12]}: {', '.join(who)}" for digest, who in violation["values"].items())),
            ],
            False,
        )
        for violation in digests["violations"]
    ]
    words = (
        f"{len(rows)} digests of what the modules were handed do not agree across {digests['compared']} sets of runs. "
        "Differences between these architectures may come from their data."
    )
    listing = table("Digests that differ", ["runs", "digest", "who had which"], rows)
    return section("certificate", SECTIONS["certificate"], paragraph(words), listing)


def method(board: Json) -> str:
    """The procedure in short."""
    words = [
        "A replicate is one run of the whole chain with its own seeds, and the unit of analysis: replicates are nested in arms, "
        "samples are crossed with them, and samples that share a picture count as one cluster.",
        "The variance of a mean is that of the replicates' means over their number, plus that of the samples' means, less "
        "the residual part that the first already holds (Obuchowski and Rockette; Hillis). Differences are paired on samples, "
        "not on seeds.",
        "Variances between replicates are drawn towards their common mean (empirical Bayes, an arm's own keeping at least half "
        "of the say), degrees of freedom are Satterthwaite's, and intervals are Student's.",
        "Cells are called separated where Holm's correction over all pairs of a task leaves p below "
        f"{1 - board['confidence']:.2g}. With fewer than three replicates, or unequal data, everything is descriptive.",
    ]
    drawn = "".join(paragraph(part) for part in words)
    body = f"<details><summary>The statistics in short</summary>{drawn}</details>"
    return section("method", SECTIONS["method"], body)


def _starts(board: Json) -> list[str]:
    return sorted({cell["start"] for entry in board["tasks"].values() for cell in entry["cells"]})


def _p(value: float | None) -> str:
    return "–" if value is None else "&lt; 0.001" if value < 0.001 else f"{value:.3f}"
