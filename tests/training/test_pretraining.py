"""Pretraining networks: passes summed or drawn, one encoding each, and what they cost."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor, nn

from components.data.streams import Stream
from components.models.architectures import ARCHITECTURES
from components.models.architectures import load as load_architecture
from components.models.configuration import Axes
from components.models.encoders import text_encoder
from components.models.passes import MASKED_WORDS, Pass, Pretraining, RegionMasking
from components.models.pixels import PixelScaling
from components.models.states import Regions
from components.objectives import load
from components.objectives.inputs import as_seen
from components.objectives.objective import Objective
from components.study.budget import Budget
from components.tasks.vqa import VisualQuestionAnswering
from components.training.finetuning import FinetuningNetwork
from components.training.flops import count_flops
from components.training.freezing import FreezingSchedule
from components.training.pretraining import ImagePretrainingNetwork, PretrainingNetwork
from tests.objectives.small_batches import FEATURES, MASK, SMALL, RegionReader, batch

PRETRAINED = [name for name in ARCHITECTURES if load_architecture(name).PRETRAINING.passes]
UNITER = Pretraining(
    (
        Pass((("itm", 1.0), ("alignment", 0.1)), mismatched="images", ratio=2),
        Pass((("mlm", 1.0),), words=True, ratio=2),
        Pass((("region_features", 1.0),), regions=RegionMasking(), ratio=1),
        Pass((("region_divergence", 1.0),), regions=RegionMasking(), ratio=1),
    ),
    drawn=True,
)
LXMERT = Pretraining(
    (
        Pass(
            tuple(
                (name, 1.0)
                for name in (
                    "mlm",
                    "itm",
                    "region_classes",
                    "region_attributes",
                    "region_features_smooth",
                    "image_questions",
                )
            ),
            words=True,
            regions=RegionMasking(zeroed=0.8, replaced=0.1),
            mismatched="texts",
        ),
    )
)
BUDGET = Budget(samples=60, batch_size=6, learning_rate=1e-3, warmup=0.1, weight_decay=0.0, gradient_clip=1.0)


def network(pretraining: Pretraining, model: Any = None, front: nn.Module | None = None) -> PretrainingNetwork:
    torch.manual_seed(0)
    model = RegionReader() if model is None else model
    objectives: dict[str, Any] = {}
    for name in pretraining.losses:
        kind: Any = load(name)
        objectives[name] = kind.for_answers(model, SMALL, 7)
    return PretrainingNetwork(model, PixelScaling(), pretraining, objectives, front)


def raw(count: int, seed: int = 0, draw: float = 0.0) -> dict[str, Tensor]:
    """A batch as the stream hands it over."""
    pixels = torch.randint(0, 256, (count, 32, 32, 3), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)
    return {**batch(count, seed), "pixels": pixels, "pass_draw": torch.tensor([draw]), "rows": torch.arange(count)}


def test_losses_of_all_passes_are_weighted_and_summed_and_metrics_carry_names() -> None:
    passes = (
        Pass((("mlm", 2.0),), words=True),
        Pass((("itm", 0.5), ("region_divergence", 3.0)), regions=RegionMasking(), mismatched="texts"),
    )
    ours = network(Pretraining(passes))
    loss, metrics = ours(raw(6))
    expected = 0.0
    for one_pass in passes:
        seen = as_seen(raw(6), one_pass)
        for name, weight in one_pass.losses:
            part, values = ours.objectives[name](ours.model, ours.model.encode(seen), seen)
            expected += weight * part.item()
            assert metrics[f"{name}/loss"].item() == pytest.approx(part.item(), abs=1e-6)
            assert all(torch.equal(metrics[f"{name}/{key}"], value) for key, value in values.items())
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    assert not any(value.requires_grad for value in metrics.values())


@pytest.mark.parametrize("pretraining", [UNITER, LXMERT], ids=["drawn", "summed"])
def test_one_encoding_for_each_pass_that_is_run(pretraining: Pretraining) -> None:
    ours = network(pretraining)
    ours(raw(6))
    assert len(ours.model.seen) == 1
    two = Pretraining((*LXMERT.passes, *LXMERT.passes))
    both = network(two)
    loss, metrics = both(raw(6))
    assert len(both.model.seen) == 2
    # Two equal passes share their heads, so they give twice the loss; metrics are means.
    single, alone = network(LXMERT)(raw(6))
    assert loss.item() == pytest.approx(2 * single.item(), rel=1e-5)
    assert all(metrics[name].item() == pytest.approx(value.item(), abs=1e-6) for name, value in alone.items())


def test_a_pass_whose_losses_run_the_model_themselves_is_not_encoded() -> None:
    class Towers(RegionReader):
        logit_scale = nn.Parameter(torch.zeros(()))

        def embed_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
            return self.words(input_ids).mean(dim=1)

        def embed_image(self, pixels: Tensor) -> Tensor:
            return self.region_projection(pixels.flatten(1)[:, :FEATURES])

    ours = network(Pretraining((Pass((("contrastive", 1.0),)),)), Towers())
    loss, _ = ours(raw(4))
    assert loss > 0
    assert ours.model.seen == []


class Constant(Objective):
    """Costs nothing."""

    def forward(self, model: Any, states: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        return torch.zeros(()), {}


def test_a_loss_that_runs_the_model_itself_is_handed_no_states() -> None:
    class Alone(Constant):
        READS_STATES: ClassVar[bool] = False

        def forward(self, model: Any, states: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
            assert states is None
            return torch.zeros(()), {}

    class Beside(Constant):
        def forward(self, model: Any, states: Any, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
            return states.pooled.sum(), {}

    both = Pretraining((Pass((("alone", 1.0), ("beside", 1.0))),))
    ours = PretrainingNetwork(RegionReader(), PixelScaling(), both, {"alone": Alone(), "beside": Beside()})
    assert set(ours(raw(4))[1]) == {"alone/loss", "beside/loss"}


def test_counts_of_drawn_passes_fit_the_ratios() -> None:
    names = [one_pass.losses[0][0] for one_pass in UNITER.passes]
    ratios = np.array([one_pass.ratio for one_pass in UNITER.passes])
    passes = tuple(Pass(((name, 1.0),), ratio=ratio) for name, ratio in zip(names, ratios, strict=True))
    ours = PretrainingNetwork(
        nn.Identity(), PixelScaling(), Pretraining(passes, drawn=True), {name: Constant() for name in names}
    )
    counts = dict.fromkeys(names, 0)
    for step in range(10_000):
        draw = torch.from_numpy(Stream(5, "pairs", "passes").at(step).random(1, dtype=np.float32))
        _, metrics = ours({"input_ids": torch.zeros(1, 1), "pass_draw": draw})
        (drawn,) = metrics
        counts[drawn.removesuffix("/loss")] += 1
    assert chisquare(list(counts.values()), 10_000 * ratios / ratios.sum()).pvalue > 1e-3


def test_no_drawn_batch_has_both_masks() -> None:
    ours = network(UNITER)
    masks = {"words": 0, "regions": 0, "none": 0}
    for step in range(60):
        ours(raw(4, seed=step, draw=(step + 0.5) / 60))
        (seen,) = ours.model.seen[-1:]
        words, regions = bool((seen["input_ids"] == MASK).any()), "region_hidden" in seen
        assert not (words and regions)
        assert words == ("mlm_labels" in seen)
        masks["words" if words else "regions" if regions else "none"] += 1
    assert masks == {"words": 20, "regions": 20, "none": 20}


@pytest.mark.parametrize("pretraining", [UNITER, LXMERT], ids=["drawn", "summed"])
def test_gradients_reach_the_whole_model_and_every_head(pretraining: Pretraining) -> None:
    ours = network(pretraining)
    for probability, variant in ours.variants(raw(6)):
        assert 0 < probability <= 1
        loss, _ = ours(variant)
        loss.backward()
    unreached = {key for key, one in ours.named_parameters() if one.grad is None or not one.grad.any()}
    assert unreached == set()


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretraining_reaches_the_whole_architecture(name: str) -> None:
    torch.manual_seed(0)
    axes = (
        Axes("vilbert", "sum_5", "product", "words_matching_regions", "post", "common")
        if name == "controlled"
        else None
    )
    model: Any = load_architecture(name)(replace(SMALL, axes=axes))
    ours = network(model.PRETRAINING, model)
    for _, variant in ours.variants(raw(6)):
        loss, _ = ours(variant)
        loss.backward()
    unreached = {key for key, one in ours.named_parameters() if one.grad is None or not one.grad.any()}
    # VL-BERT matches no pairs, so nothing asks for its readout.
    assert unreached == ({"model.text_pooler.weight", "model.text_pooler.bias"} if name == "vlbert" else set())


@pytest.mark.parametrize("pretraining", [UNITER, LXMERT], ids=["drawn", "summed"])
def test_losses_in_half_precision_stay_near(pretraining: Pretraining) -> None:
    ours = network(pretraining)
    for _, variant in ours.variants(raw(6)):
        exact, _ = ours(variant)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, _ = ours(variant)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact.item(), rel=0.03)


def test_variants_are_the_passes_with_their_probabilities() -> None:
    ours = network(UNITER)
    variants = ours.variants(raw(4))
    assert [probability for probability, _ in variants] == pytest.approx([2 / 6, 2 / 6, 1 / 6, 1 / 6])
    first = [next(iter(ours(variant)[1])) for _, variant in variants]
    assert first == ["itm/loss", "mlm/loss", "region_features/loss", "region_divergence/loss"]
    assert network(LXMERT).variants(raw(4))[0][0] == 1.0


def test_flops_of_drawn_passes_are_the_expectation() -> None:
    ours = network(UNITER)
    drawn = count_flops(ours, raw(6), FreezingSchedule(ours.model, []), BUDGET)
    expected = 0.0
    for one_pass in UNITER.passes:
        alone = network(Pretraining((one_pass,)))
        flops = count_flops(alone, raw(6), FreezingSchedule(alone.model, []), BUDGET)
        expected += one_pass.ratio / 6 * flops.step_per_sample
    assert drawn.step_per_sample == pytest.approx(expected)
    assert drawn.total == pytest.approx(expected * BUDGET.samples)
    assert drawn.step_per_sample > 2 * drawn.forward_per_sample > 0


class Front(nn.Module):
    """Four quarters of a picture, and a count of how often it looked."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(3, FEATURES), nn.BatchNorm1d(FEATURES))
        self.looked = 0

    def regions(self, pixels: Tensor) -> Regions:
        self.looked += 1
        quarters = nn.functional.avg_pool2d(pixels, 16).flatten(2).transpose(1, 2)
        features = self.features(quarters.flatten(0, 1)).unflatten(0, (len(pixels), 4))
        real = torch.ones(features.shape[:2], dtype=torch.bool)
        return Regions(features, real[..., None].float(), real, real[..., None].float(), real[..., None].float())


def without_regions(count: int) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in raw(count).items() if not name.startswith("region_")}


def test_a_frozen_front_end_looks_where_the_batch_has_no_regions_and_never_learns() -> None:
    matching = Pretraining((Pass((("itm", 1.0), ("mlm", 1.0)), words=True, mismatched="images"),))
    front = Front()
    ours = network(matching, front=front).train()
    before = {name: one.clone() for name, one in front.state_dict().items()}
    loss, _ = ours(without_regions(6))
    loss.backward()
    assert front.looked == 1
    scaled = ours.scaling(raw(6)["pixels"])
    shown = ours.model.seen[-1]["region_features"]
    torch.testing.assert_close(shown, front.eval().regions(scaled).features[batch(6)["itm_image_rows"]])
    assert all(one.grad is None for one in front.parameters())
    assert ours.model.region_projection.weight.grad.abs().sum() > 0
    assert all(torch.equal(one, before[name]) for name, one in front.state_dict().items())
    looked = front.looked
    ours(raw(6))
    assert front.looked == looked


def test_flops_of_a_frozen_front_end_are_those_of_looking() -> None:
    matching = Pretraining((Pass((("itm", 1.0),), mismatched="images"),))
    looking, given = network(matching, front=Front()), network(matching, front=Front())
    batches = without_regions(6), raw(6)
    batches[1]["region_features"] = batches[1]["region_features"][:, :4]
    batches[1]["region_real"] = torch.ones(6, 4, dtype=torch.bool)
    found = [
        count_flops(ours, one, FreezingSchedule(ours.model, []), BUDGET)
        for ours, one in zip((looking, given), batches, strict=True)
    ]
    linear = 2 * 4 * 3 * FEATURES
    for key in ("forward_per_sample", "step_per_sample"):
        assert getattr(found[0], key) - getattr(found[1], key) == pytest.approx(linear)


def test_a_frozen_front_end_is_charged_once_for_every_picture() -> None:
    matching = Pretraining((Pass((("itm", 1.0),), mismatched="images"),))
    ours, one = network(matching, front=Front()), raw(6)
    one["region_features"] = one["region_features"][:, :4]
    one["region_real"] = torch.ones(6, 4, dtype=torch.bool)
    schedule = FreezingSchedule(ours.model, [])
    without, found = (count_flops(ours, one, schedule, BUDGET, pictures) for pictures in (0, 100))
    assert (without.front, found.front) == (0.0, pytest.approx(100 * 2 * 4 * 3 * FEATURES))
    assert found.total - without.total == pytest.approx(found.front)


def test_counting_and_training_leave_the_front_end_of_a_fine_tuning_as_it_was() -> None:
    """What was counted looks at batches of its own, and a served model looks with the same running statistics."""
    model: Any = load_architecture("visualbert")(SMALL)
    ours = FinetuningNetwork(model, PixelScaling(), model.head(3), VisualQuestionAnswering(), Front())
    one = raw(6)
    one["region_features"] = one["region_features"][:, :4]
    one["region_boxes"] = one["region_boxes"][:, :4]
    one["region_real"] = torch.ones(6, 4, dtype=torch.bool)
    one["targets"] = torch.tensor([0, 1, 2, 0, 1, 2])
    before = {name: tensor.clone() for name, tensor in ours.front.state_dict().items()}
    ours.train()
    found = count_flops(ours, one, FreezingSchedule(ours.model, []), BUDGET, 10)
    assert found.front > 0
    assert ours.front.looked == 1
    assert ours.training
    assert not ours.front.training
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.front.state_dict().items())


def test_a_text_encoder_is_pretrained_on_masked_words() -> None:
    torch.manual_seed(0)
    encoder = text_encoder(SMALL)
    ours = network(MASKED_WORDS, encoder)
    texts = {name: raw(6)[name] for name in ("input_ids", "attention_mask", "masked_input_ids", "mlm_labels", "rows")}
    loss, metrics = ours(texts)
    assert set(metrics) == {"mlm/loss", "mlm/accuracy"}
    seen = {**texts, "input_ids": texts["masked_input_ids"]}
    assert loss.item() == ours.objectives["mlm"](encoder, None, seen)[0].item()
    loss.backward()
    assert encoder.get_input_embeddings().weight.grad is not None


def test_an_image_encoder_is_run_by_its_objective_on_scaled_pictures() -> None:
    class Brightness(nn.Module):
        WEIGHTS: ClassVar[float] = 2.0

        def forward(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            return self.WEIGHTS * model(batch["pixels"]).mean(), {"pictures": torch.tensor(len(batch["pixels"]))}

    ours = ImagePretrainingNetwork(nn.Flatten(), PixelScaling(), "labels", Brightness())
    loss, metrics = ours(raw(3))
    pixels = raw(3)["pixels"].double()
    assert loss.item() == pytest.approx(2 * ((pixels - 127.5) / 127.5).mean().item(), abs=1e-5)
    assert set(metrics) == {"labels/loss", "labels/pictures"}


def test_faulty_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="no pass"):
        PretrainingNetwork(RegionReader(), PixelScaling(), Pretraining(), {})
    with pytest.raises(ValueError, match=r"\['mlm'\], not \['itm'\]"):
        PretrainingNetwork(RegionReader(), PixelScaling(), Pretraining((Pass((("mlm", 1.0),)),)), {"itm": Constant()})
