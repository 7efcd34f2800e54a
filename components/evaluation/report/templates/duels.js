{# Chooses which samples are seen. Without it those of the first pair are. #}
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
