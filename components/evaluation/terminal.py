"""The leaderboard as plain text for a terminal."""

from typing import Any

from components.evaluation.wording import count, gaps, headline, interval, measure, percent, points, start_name

BAR = 30


def render_text(leaderboard: dict[str, Any]) -> str:
    """A table per task, the effect of intermediate pretraining, and whether the data were equal."""
    replicates = leaderboard["replicates"]
    many = "1 replicate" if len(replicates) == 1 else f"{len(replicates)} replicates"
    confidence = f"{100 * leaderboard['confidence']:.3g}%"
    lines = [f"Study {leaderboard['study']}: {many}, {confidence} intervals over {leaderboard['interval_over']}"]
    lines.append(f"{leaderboard['grade'].capitalize()}. {leaderboard['grade_reason']}")
    for task, entry in leaderboard["tasks"].items():
        lines += ["", *_task(leaderboard, task, entry, confidence)]
    if leaderboard["pretraining"]:
        lines += ["", "What the multimodal intermediate step changes (multimodal minus unimodal start, points):"]
        for effect in leaderboard["pretraining"]:
            what = f"{effect['task']}, {_labels(effect)}"
            lines.append(
                f"  {effect['architecture']:<14}{what:<30}{points(effect['difference']):>7}  "
                f"{interval(effect, signed=True):<18}{effect['verdict']}"
            )
    lines.append("")
    digests = leaderboard["digests"]
    if digests["equal"]:
        lines.append(f"Equal data: ids and contents agree in all {digests['compared']} sets of runs.")
    else:
        lines.append(f"NOT equal data: {len(digests['violations'])} digests differ:")
        lines += [f"  {violation['where']}: {violation['digest']}" for violation in digests["violations"]]
    return "\n".join(lines) + "\n"


def _task(leaderboard: dict[str, Any], task: str, entry: dict[str, Any], confidence: str) -> list[str]:
    floors = entry["floors"]["selection"]
    lines = [
        f"{task}: {measure(entry)} on {entry['items']:,} samples of the selection split",
        "  floors: " + ", ".join(f"{name.replace('_', ' ')} {percent(value)}" for name, value in floors.items()),
    ]
    ends = [end for cell in entry["cells"] for end in (cell["low"], cell["high"], cell["mean"]) if end is not None]
    low, high = min([*ends, *floors.values()]), max([*ends, *floors.values()])
    lines.append(
        f"    {'architecture':<14}{'start':<24}{'mean':>6}  {confidence + ' interval':<16}"
        f"{percent(low)}{'':<{BAR - 8}}{percent(high)}  {'trained':>8} {'samples':>8}"
    )
    for cell in entry["cells"]:
        mark = "*" if cell["chosen"] else "=" if cell["tied"] else " "
        lines.append(
            f"  {mark} {cell['architecture']:<14}{start_name(cell):<24}{percent(cell['mean']):>6}  {interval(cell):<16}"
            f"{_bar(cell, max(floors.values()), low, high)}  "
            f"{count(cell['parameters']['trained']):>8} {count(cell['samples']['total']):>8}"
        )
    key = ["* best mean", "| highest floor"]
    if any(cell["tied"] for cell in entry["cells"]):
        key.insert(1, "= not separated from it")
    said = [sentence for sentence in (headline(leaderboard, task), gaps(entry)) if sentence]
    return [*lines, *(f"  {sentence}" for sentence in said), "  " + "   ".join(key)]


def _bar(cell: dict[str, Any], floor: float, low: float, high: float) -> str:
    def place(value: float) -> int:
        return round((value - low) / ((high - low) or 1.0) * (BAR - 1))

    drawn = [" "] * BAR
    drawn[place(floor)] = "|"
    if cell["low"] is not None:
        for position in range(place(cell["low"]), place(cell["high"]) + 1):
            drawn[position] = "-"
    drawn[place(cell["mean"])] = "o"
    return "".join(drawn)


def _labels(effect: dict[str, Any]) -> str:
    return f"{effect['labelled']:,} labels" if effect["labels"] == "few" and effect["labelled"] else "all labels"
