"""What the search of an intermediate step's rate tries: the step itself, scored by what it is measured by."""

from pathlib import Path

from components.data.training_store import training_store
from components.models import architectures
from components.study.budget import Allowance
from components.study.study import Study
from components.training.building import region_arrays
from components.training.run import Surroundings
from components.training.step_gates import gates_of, mean_score
from components.training.step_run import put_together
from components.training.trials import Attempt, Trials


def can_be_searched(study: Study, arm: str) -> bool:
    """Whether a loss of the arm's intermediate step can be measured, so that one rate can be told to be better than another."""
    settings = study.arms[arm]
    # A controlled arm's objectives are an axis; masked words are among all of them.
    return bool(gates_of(architectures.load(settings.architecture).PRETRAINING, settings.axes))


def steps(study: Study, root: Path, arm: str, folder: Path, surroundings: Surroundings) -> Trials:
    """Intermediate steps of an arm, from unimodal components in the first replicate, scored by the mean of their gates.

    All trials of an arm are asked about the same validation pairs.
    """
    replicate = study.replicates[0]
    # Of the first replicate, which trains on what lies beside the validation pairs.
    store = training_store(root, study, replicate)

    def attempt(allowance: Allowance) -> Attempt:
        run = put_together(study, root, store, arm, replicate, allowance.batch_size, search=True)

        def score() -> float:
            regions = region_arrays(arm, study, store, run.network.front, replicate, root)
            return mean_score(run.measured(store, regions, study.runtime))

        return Attempt(run.network, run.stream, [], run.seed, score)

    return Trials(study, "the intermediate step", study.pretrain, attempt, folder, surroundings)
