"""The calibration benchmark judges rightly, and a small version of it keeps its bars."""

import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import binomtest

from benchmarks import calibration

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("hits", [0, 3, 57, 200])
def test_bounds_are_clopper_and_pearsons(hits: int) -> None:
    expected = binomtest(hits, 200).proportion_ci(0.95, "exact")
    assert calibration.bounds(hits, 200) == pytest.approx((expected.low, expected.high))


def test_a_bar_is_missed_only_where_chance_cannot_explain_it() -> None:
    assert calibration.keeps(calibration.ERROR, 220, 4000, 5)  # 5.5%, at least 4.8%
    assert not calibration.keeps(calibration.ERROR, 240, 4000, 5)  # 6%, at least 5.3%
    assert calibration.keeps(calibration.POWER, 3160, 4000, 5)
    assert not calibration.keeps(calibration.POWER, 3100, 4000, 5)
    assert calibration.keeps(calibration.COVERAGE, 3700, 4000, 3)
    assert not calibration.keeps(calibration.COVERAGE, 3680, 4000, 3)
    assert not calibration.keeps(calibration.COVERAGE, 3960, 4000, 3)


def test_an_interval_that_knows_nothing_of_replicates_is_caught() -> None:
    """The check can fail: half of every standard error misses the bar within two hundred studies."""

    def too_narrow(generator: calibration.np.random.Generator, replicates: int) -> bool:
        estimate = calibration.estimate_difference(*calibration.draw(generator, (0.01, 0.01), replicates, 0.2), 0.95)
        return abs(estimate.mean) <= (estimate.high - estimate.mean) / 2

    hits = calibration.count("too narrow", too_narrow, 5, 200, 0)
    assert not calibration.keeps(calibration.COVERAGE, hits, 200, 5)


@pytest.mark.parametrize("interaction", [0.0, 0.2])
def test_true_variances_of_two_effects_are_those_that_are_drawn(interaction: float) -> None:
    generator, spreads = calibration.np.random.default_rng(1), (0.03, 0.01, 0.02, 0.01)
    drawn = [calibration.draw(generator, spreads, 3, interaction) for _ in range(1500)]
    spread = calibration.np.var([(a.mean - b.mean) - (c.mean - d.mean) for a, b, c, d in drawn])
    expected = calibration.true_design(spreads, 3, interaction).standard_error(3) ** 2
    assert spread == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("interaction", [0.0, 0.2])
def test_true_variances_are_those_that_are_drawn(interaction: float) -> None:
    generator = calibration.np.random.default_rng(0)
    design = calibration.true_design((0.03, 0.01), 3, interaction)
    arms = [calibration.draw(generator, (0.03, 0.01), 3, interaction) for _ in range(1500)]
    for place in (0, 1):
        drawn = calibration.np.mean([pair[place].variance for pair in arms])
        assert drawn == pytest.approx(design.variances[place], rel=0.1)
    spread = calibration.np.var([first.mean - second.mean for first, second in arms])
    assert spread == pytest.approx(design.standard_error(3) ** 2, rel=0.12)


@pytest.mark.slow
def test_a_small_calibration_keeps_its_bars() -> None:
    command = [sys.executable, "benchmarks/calibration.py", "--runs", "400"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("All bars are kept.\n")
