"""How figures and findings are put into words, the same in the terminal and in the report."""

import math
from typing import Any

from components.models.architectures import ARCHITECTURES
from components.study.cells import Cell
from components.tasks import TASKS

NOT_KNOWN = "not known"
OBSTACLES = {
    "norm": "of another norm",
    "initial_scale": "of another initial scale",
    "axes": "with too many differences",
    "alike": "trained alike",
}
"""Which arms can have no verdict against the best one, by the leaderboard's word for it."""
UNRANKED = "Nothing is ranked: no arm passed its certificate."
CURRENCIES = {
    "samples": "samples",
    "steps": "optimiser steps",
    "flops": "FLOPs",
    "seconds": "seconds of the training loop",
}
BUDGETS = {
    "pretrain_text": "text alone",
    "pretrain_image": "pictures alone",
    "pretrain": "the intermediate step",
    "finetune": "fine-tuning",
    "finetune_few": "fine-tuning on few labels",
    "finetune_further": "fine-tuning on further tasks",
}
_NOT_WORSE = ("chosen", "tied", "undecided")
_WRITTEN = {
    name.lower().replace("-", "_"): name
    for name in ("VL-BERT", "Unicoder-VL", "FLAVA", "SimVLM", "CoCa", "Flamingo", "BLIP-2", "Frozen", "VQA", "NLVR")
}


def percent(value: float | None) -> str:
    """0.7123 as '71.2', in percent."""
    return "–" if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """A difference of fractions in percentage points, with its sign: 0.031 as '+3.1'."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def interval(estimate: dict[str, Any], signed: bool = False) -> str:
    """The interval of an estimate, in percent."""
    if estimate["low"] is None:
        return NOT_KNOWN
    show = points if signed else percent
    return f"[{show(estimate['low'])}, {show(estimate['high'])}]"


def count(value: float | None) -> str:
    """A large number with its unit: 1234567 as '1.23M'."""
    if value is None:
        return NOT_KNOWN
    for limit, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}"


def start_name(cell: dict[str, Any]) -> str:
    """'multimodal', 'unimodal, matched' for the twin that trained for longer, or 'multimodal, 500 labels'."""
    start = f"{cell['start']}, matched" if Cell.of(cell["arm"], cell["cell"]).matched else str(cell["start"])
    if cell["labels"] == "all":
        return start
    return f"{start}, {cell['labelled']:,} labels" if cell["labelled"] else f"{start}, few labels"


def name(cell: dict[str, Any]) -> str:
    """A cell as a person says it: 'late fusion (unimodal)', 'CLIP (multimodal, few labels)'."""
    said = cell["cell"].replace("_matched", ", matched").replace("_few", ", few labels")
    return f"{readable(cell['arm'])} ({said})"


def pairs(contrast: dict[str, Any]) -> list[str]:
    """What a declared contrast sets against one another: 'UNITER (multimodal) minus VisualBERT (multimodal)', once or twice."""
    sides = [contrast, contrast["against"]] if contrast["against"] else [contrast]
    return [f"{name(side['first'])} minus {name(side['second'])}" for side in sides]


def minus(effect: dict[str, Any]) -> str:
    """What an effect of the intermediate step is measured against: 'unimodal', or 'unimodal matched' for the twin."""
    return str(effect["against"]).removesuffix("_few").replace("_", " ")


def ranks(cell: dict[str, Any]) -> str:
    """The places that a cell may have among those that are ranked: '2', '1 to 4'; empty where it is not ranked."""
    if not cell["ranks"]:
        return ""
    best, worst = cell["ranks"]
    return str(best) if best == worst else f"{best} to {worst}"


def probability(p: float | None) -> str:
    """'0.034', '< 0.001'."""
    if p is None:
        return NOT_KNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def readable(word: str) -> str:
    """An identifier as its paper writes it, or else as words."""
    if word in ARCHITECTURES:
        return ARCHITECTURES[word].written
    return _WRITTEN.get(word, word.replace("_", " "))


def measure(entry: dict[str, Any]) -> str:
    """What the scores of a task's leaderboard entry are: 'accuracy'."""
    return TASKS[entry["kind"]].metric.words


def begins(entry: dict[str, Any]) -> str:
    """What all cells of a further task begin from; empty where they begin from their starts."""
    return (
        f"Every cell goes on from what the same start learned on {readable(entry['after'])}." if entry["after"] else ""
    )


def gaps(entry: dict[str, Any]) -> str:
    """Which arms cannot do a task, and why; empty where all can."""
    by_reason: dict[str, list[str]] = {}
    for arm, reason in entry.get("cannot", {}).items():
        by_reason.setdefault(reason, []).append(readable(arm))
    if not by_reason:
        return ""
    return f"Cannot do this task: {'; '.join(f'{listed(names)} ({reason})' for reason, names in by_reason.items())}."


def limits(entry: dict[str, Any]) -> str:
    """What keeps scores down whatever is trained: answers that are no class, and texts that were cut; empty without either."""
    said = []
    missed, cut = entry.get("missed", {}).get("selection", 0.0), entry.get("cut")
    if missed:
        # Rounded down, so that nobody is promised what cannot be reached.
        most = math.floor(1000 * (1 - missed) + 1e-6) / 10
        said.append(
            f"{share(missed)} of these samples can only be missed, for their answer is no class: "
            f"{most:.1f}% is the most that can be scored."
        )
    if cut and cut["share"]:
        said.append(f"{share(cut['share'])} of the texts were cut, being longer than {cut['max_length']} tokens.")
    return " ".join(said)


def share(value: float) -> str:
    """A share of something above nothing, in percent: '12.5%', 'Under 0.1%'."""
    return "Under 0.1%" if value < 0.001 else f"{percent(value)}%"


def budgets(board: dict[str, Any]) -> str:
    """In which currency the budgets are equal, and what they are, as a sentence."""
    by_currency: dict[str, list[str]] = {}
    for key, budget in board["budgets"].items():
        said = f"{count(budget['amount'])} for {BUDGETS[key]}"
        by_currency.setdefault(CURRENCIES[budget["currency"]], []).append(said)
    return (
        f"Budgets are equal in {'; in '.join(f'{currency}: {listed(said)}' for currency, said in by_currency.items())}."
    )


def headline(leaderboard: dict[str, Any], task: str) -> str:
    """The finding of one task in a sentence or two."""
    chosen = leaderboard["tasks"][task]["chosen"]
    if chosen is None:
        return UNRANKED
    standing = "".join(f"; {words}" for words in standings(leaderboard, task))
    sentence = f"Best mean: {name(chosen)}, {percent(chosen['mean'])}% {interval(chosen)}{standing}."
    if chosen["baseline"]:
        sentence += " It is one of the simple baselines: no arm with more machinery did better here."
    return sentence


def standings(leaderboard: dict[str, Any], task: str) -> list[str]:
    """How the chosen cell stands to the other ranked ones, as parts of a sentence; none where it is the only one."""
    if leaderboard["grade"] == "descriptive":
        return ["descriptive, without a verdict"]
    entry = leaderboard["tasks"][task]
    chosen = entry["chosen"]
    worse = [name(cell) for cell in entry["cells"] if cell["candidate"] and not any(cell[key] for key in _NOT_WORSE)]
    said = []
    if chosen["tied_with"]:
        said.append(f"not separated from {some([name(cell) for cell in chosen['tied_with']])}")
    elif worse:
        said.append(f"better than {some(worse) if chosen['undecided'] else 'every other arm'}")
    if chosen["undecided"]:
        because = [cell["because"] for cell in chosen["undecided"]]
        kinds = [
            f"{because.count(kind)} arm{'s' if because.count(kind) > 1 else ''} {words}"
            for kind, words in OBSTACLES.items()
            if kind in because
        ]
        said.append(f"without a verdict against {listed(kinds)}")
    return said


def listed(words: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def some(words: list[str]) -> str:
    """As `listed`, but of many only the first: 'a, b, c and 9 others'."""
    return listed(words if len(words) < 6 else [*words[:3], f"{len(words) - 3} others"])


def seconds(value: float | None) -> str:
    """A time: 'none', '34 s', '12.3 min'."""
    if value is None:
        return NOT_KNOWN
    if value == 0:
        return "none"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.1f} min"


def memory(value: float | None) -> str:
    """Bytes as MiB."""
    return NOT_KNOWN if value is None else f"{value / 2**20:,.0f} MiB"
