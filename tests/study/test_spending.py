"""What an amount pays for, against a step-by-step count."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from components.study.spending import Phase, affordable, first_step, spent


@given(share=st.floats(0, 1) | st.sampled_from([0.1, 0.2, 0.3, 0.6, 0.7, 1 / 3]), steps=st.integers(1, 3000))
def test_the_first_step_is_where_the_training_loop_sees_the_share_done(share: float, steps: int) -> None:
    expected = next((step for step in range(steps) if step / steps >= share), steps)
    assert first_step(share, steps) == expected


@st.composite
def phases(draw: st.DrawFn) -> list[Phase]:
    """Costs that rise along the run, as thawing makes them."""
    shares = sorted(draw(st.sets(st.floats(0.01, 0.99), max_size=3)))
    costs = sorted(draw(st.lists(st.integers(1, 1000), min_size=len(shares) + 1, max_size=len(shares) + 1)))
    return [Phase(begin, cost) for begin, cost in zip([0.0, *shares], costs, strict=True)]


def step_by_step(costs: list[Phase], steps: int) -> Fraction:
    """What the training loop would come to."""
    total = Fraction(0)
    for step in range(steps):
        total += Fraction([phase.cost for phase in costs if phase.begin <= step / steps][-1])
    return total


@given(costs=phases(), steps=st.integers(1, 400))
def test_what_is_spent_is_the_sum_over_steps(costs: list[Phase], steps: int) -> None:
    assert spent(costs, steps) == step_by_step(costs, steps)


@given(costs=phases(), amount=st.floats(0.5, 50_000))
def test_an_amount_pays_for_so_many_steps_and_not_for_one_more(costs: list[Phase], amount: float) -> None:
    steps = affordable(amount, costs)
    assert steps == 1 or step_by_step(costs, steps) <= amount
    assert step_by_step(costs, steps + 1) > amount
