"""Wins and losses between any two arms, with pictures: everything is in the page, a few lines of script choose."""

import json
from html import escape

from components.evaluation.findings import start_words
from components.evaluation.formatting import readable
from components.evaluation.report.examples import Duels, Example
from components.evaluation.report.page import paragraph, section

SCRIPT = """
for (const box of document.querySelectorAll('.duel')) {
  const [right, wrong] = box.querySelectorAll('select'), wins = JSON.parse(box.dataset.wins);
  const show = () => {
    const a = right.value, b = wrong.value;
    let shown = 0;
    for (const card of box.querySelectorAll('.example')) {
      const who = card.dataset.right.split(' ');
      card.hidden = !(who.includes(a) && !who.includes(b));
      shown += !card.hidden;
      for (const row of card.querySelectorAll('li')) row.classList.toggle('on', row.dataset.arm === a || row.dataset.arm === b);
    }
    const say = (n) => n.toLocaleString('en');
    box.querySelector('output').textContent = a === b ? 'Choose two different arms.' :
      `${say(wins[a][b])} of ${say(+box.dataset.items)} samples; the other way round ${say(wins[b][a])}. Shown here: ${shown}.`;
  };
  right.onchange = wrong.onchange = show;
  box.querySelector('button').onclick = () => { [right.value, wrong.value] = [wrong.value, right.value]; show(); };
  box.querySelector('input').onchange = (event) => box.classList.toggle('everyone', event.target.checked);
  box.querySelector('.choose').hidden = false;
}
"""
"""Without it the first pair is shown."""


def draw(heading: str, by_task: dict[str, Duels]) -> str:
    """A chooser with cards per task; empty where pictures are not at hand."""
    parts = [f"<h3>{escape(readable(task))}</h3>{_duel(found)}" for task, found in by_task.items()]
    lead = (
        "The cell that stands for each arm, first replicate. Samples are chosen so that every pair of "
        "arms has some, not for how usual they are: the numbers beside the chooser say how often it happens."
    )
    return section("examples", heading, paragraph(lead), *parts) if parts else ""


def _duel(found: Duels) -> str:
    names = list(found.starts)
    first, second = found.pair
    wins = {
        name: {other: int(found.wins[index, place]) for place, other in enumerate(names)}
        for index, name in enumerate(names)
    }
    chooser = (
        f"<label>{_select(found, first)} is right</label><label>and {_select(found, second)} is wrong</label>"
        '<button type="button" title="the other way round">⇄ swap</button>'
        '<label><input type="checkbox"> what all arms said</label>'
    )
    cards = "".join(_card(example, first, second) for example in found.examples)
    shown = sum(_parts(example, first, second) for example in found.examples)
    said = f"{wins[first][second]:,} of {found.items:,} samples; the other way round {wins[second][first]:,}. Shown here: {shown}."
    return (
        f'<div class="duel" data-items="{found.items}" data-wins="{escape(json.dumps(wins, sort_keys=True), quote=True)}">'
        f'<p class="choose" hidden>{chooser}</p>'
        f"<noscript>{paragraph(f'{readable(first)} is right and {readable(second)} is wrong:')}</noscript>"
        f'<p class="soft-text"><output>{said}</output></p><div class="examples">{cards}</div></div>'
    )


def _select(found: Duels, selected: str) -> str:
    options = "".join(
        f'<option value="{name}"{" selected" if name == selected else ""}>'
        f"{escape(readable(name))} ({escape(start_words(cell))})</option>"
        for name, cell in found.starts.items()
    )
    return f"<select>{options}</select>"


def _parts(example: Example, first: str, second: str) -> bool:
    return example.predictions[first][1] and not example.predictions[second][1]


def _card(example: Example, first: str, second: str) -> str:
    kind = ' class="pixels"' if example.small else ""
    alternative = escape(f"picture of {example.id}", quote=True)
    pictures = "".join(f'<img src="{uri}" alt="{alternative}" loading="lazy"{kind}>' for uri in example.pictures)
    asked = f'<p class="asked">{escape(example.text)}</p>' if example.text else ""
    said = "".join(
        f'<li data-arm="{name}"{" class=on" if name in (first, second) else ""}>'
        f'<span class="{"yes" if right else "no"}" aria-hidden="true">{"✓" if right else "✗"}</span>'
        f'<span>{escape(readable(name))}<span class="hidden"> {"right" if right else "wrong"}</span></span>'
        f"<b>{escape(answer)}</b></li>"
        for name, (answer, right) in example.predictions.items()
    )
    facts = [f"right: <strong>{escape(example.target)}</strong>"] if example.target else []
    facts += [escape(readable(example.form))] if example.form else []
    right_ones = " ".join(name for name, (_, right) in example.predictions.items() if right)
    hidden = "" if _parts(example, first, second) else " hidden"
    return (
        f'<article class="example" data-right="{right_ones}"{hidden}><div class="pictures">{pictures}</div>'
        f'<div class="words">{asked}<p class="soft-text">{" · ".join(facts)}</p><ul>{said}</ul></div></article>'
    )
