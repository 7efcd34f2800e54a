"""What successive halving spares: the search of a learning rate against the full grid of the same candidates.

    ceteris run tuned
    cd workspaces/tuned && python ../../benchmarks/search.py vilt visualbert

Run it in the workspace of a study with a search (`tuning.trials` above 0). For each arm every candidate is trained for the
whole fine-tuning budget, and the search is made once more among the same trainings, which are bit for bit its own. Printed:
the factor that each takes, with its score on the validation split after the whole budget and its rank in the grid, and what
the search cost as a share of the grid. Trainings are kept in `.ceteris/search/ARM`: an interrupted run continues.
"""

import argparse
from pathlib import Path

from components.study.loading import load_study
from components.tracking.spool import Spool
from components.training.halving import best, candidates, halve, shares
from components.training.run import Surroundings
from components.training.trials import fine_tunings


def main() -> None:
    """Compare the two for every arm that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arms", nargs="+")
    arguments = parser.parse_args()
    root = Path.cwd()
    study = load_study(root / "params.yaml")
    settings = study.tuning
    factors, last = candidates(settings, study.seed), settings.rungs - 1
    print(
        f"{settings.trials} candidates, rungs of {', '.join(f'{share:.3g}' for share in shares(settings))} of the budget"
    )
    print(
        f"{'arm':<14}{'grid takes':>12}{'search takes':>14}{'grid %':>9}{'search %':>10}{'rank':>6}{'cost / grid':>13}"
    )
    for arm in arguments.arms:
        folder = root / ".ceteris/search" / arm
        folder.mkdir(parents=True, exist_ok=True)
        surroundings = Surroundings(study.runtime, Spool(None, "benchmark"), lambda *_: None, lambda: False)
        trials = fine_tunings(study, root, arm, study.first_tasks[0], folder, surroundings)
        grid = {factor: trials.score(factor, last) for factor in factors}
        made = halve(factors, settings, trials.score)
        taken = best(made, settings)
        winner = max(grid, key=lambda factor: grid[factor])
        cost = sum(sum(shares(settings)[: len(trial.scores)]) for trial in made) / len(factors)
        rank = 1 + sum(score > grid[taken] for score in grid.values())
        print(
            f"{arm:<14}{winner:>12g}{taken:>14g}{100 * grid[winner]:>9.1f}{100 * grid[taken]:>10.1f}"
            f"{rank:>6}{cost:>13.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
