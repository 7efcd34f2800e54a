"""What the intermediate step of each architecture masks, and which layers its losses share."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from components.models.architectures import ARCHITECTURES, load
from components.training.step_run import ingredients_for, objectives_for
from tests.objectives.small_batches import SMALL

PRETRAINED = [name for name in ARCHITECTURES if name != "controlled" and load(name).PRETRAINING.passes]


@pytest.mark.parametrize("name", PRETRAINED)
def test_words_and_regions_are_masked_as_the_passes_say(name: str) -> None:
    pretraining = load(name).PRETRAINING
    found = ingredients_for(pretraining, 0.15, regions=True)
    assert found.whole_words == (name in ("vilt", "vlbert"))
    assert found.masked_share == (0.0 if name == "clip" else 0.15)
    regions = any(one.regions for one in pretraining.passes)
    assert found.masked_region_share == (0.15 if regions else 0.0)
    assert regions == (name in ("vilbert", "vlbert", "uniter", "lxmert"))


def test_lxmerts_heads_on_objects_share_their_transform() -> None:
    torch.manual_seed(0)
    model: Any = load("lxmert")(SMALL)
    store: Any = SimpleNamespace(index={"answers": {}})
    built = objectives_for(model, SMALL, store)
    heads = [built[name].head for name in ("region_features_smooth", "region_classes", "region_attributes")]
    for place in range(3):
        assert heads[0][place] is heads[1][place] is heads[2][place]
    assert len({id(head[3]) for head in heads}) == 3
    # Trained once: the shared layers are one set of parameters.
    together = torch.nn.ModuleDict(built)
    assert sum(name.endswith("head.0.weight") for name, _ in together.named_parameters()) == 2  # with that of questions
