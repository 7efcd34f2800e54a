"""The two rules for fresh weights, on every kind of parameter that a controlled arm has, and what becomes of a text encoder."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components import objectives
from components.models import family, visual_embedding
from components.models.architecture import Architecture, load_component
from components.models.architectures import ARCHITECTURES, load
from components.models.cards import paper
from components.models.encoders import text_encoder
from components.models.initialisation import BERT_STD, initialised, tied_logit_scale
from tests.models.region_batches import AXES, build, configured

SCALES = ("common", "bert")
FUSIONS = ("single_stream", "single_stream_wide", "vilbert", "lxmert", "late")
ROOMY = {"width": 64, "feed_forward": 256, "vocabulary_size": 500, "layers": 3, "region_features": 24}


def arm(scale: str, text: str = "tiny", **axes: str) -> Architecture:
    return build("controlled", text_encoder=text, axes=replace(AXES, initial_scale=scale, **axes), **ROOMY)


def losses_of(model: Architecture, scale: str, text: str = "tiny", **axes: str) -> dict[str, nn.Module]:
    size = configured(text_encoder=text, axes=replace(AXES, initial_scale=scale, **axes), **ROOMY)
    return {name: objectives.load(name)(model, size) for name in model.PRETRAINING.losses}


def by_hand(module: nn.Module, scale: str) -> nn.Module:
    """Both rules in plain words: matrices are normal, other parameters one (weights of norms) or zero (biases, padding)."""
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            fan_in = math.prod(parameter.shape[1:])
            if parameter.ndim == 1:
                parameter.data = torch.ones_like(parameter) if name == "weight" else torch.zeros_like(parameter)
                continue
            common = 0.5 if isinstance(part, nn.Embedding) or name != "weight" else 1 / math.sqrt(fan_in)
            parameter.data = torch.empty(parameter.shape).normal_(0.0, {"common": common, "bert": 0.02}[scale])
            if getattr(part, "padding_idx", None) is not None:
                parameter.data[part.padding_idx] = 0.0
    return module


class Everything(nn.Module):
    """Every kind of parameter that the rules know."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(30, 40)
        self.convolution = nn.Conv2d(3, 20, 5)
        self.words = nn.Embedding(50, 16, padding_idx=2)
        self.norm = nn.LayerNorm(16)
        self.class_token = nn.Parameter(torch.zeros(1, 1, 16))
        self.deeper = nn.Sequential(nn.Linear(40, 10, bias=False), nn.Embedding(7, 16))


@pytest.mark.parametrize("scale", SCALES)
def test_the_rule_is_the_one_written_out_by_hand(scale: str) -> None:
    drawn = []
    for draw in (initialised, by_hand):
        torch.manual_seed(1)
        module = Everything()
        nn.init.ones_(module.norm.bias)  # for the rule to undo
        drawn.append(draw(module, scale).state_dict())
    assert drawn[0].keys() == drawn[1].keys()
    assert all(torch.equal(one, drawn[1][name]) for name, one in drawn[0].items())


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_a_seed_gives_the_weights_of_the_rule_written_out_by_hand(
    scale: str, fusion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of an arm, with the scale that its axis says wherever weights are drawn, and the other arms by the common rule."""
    ours = arm(scale, fusion=fusion).state_dict()
    faithful = build("vilbert", **ROOMY).state_dict()
    for module in (family, visual_embedding):
        monkeypatch.setattr(module, "initialised", lambda part, _scale="common": by_hand(part, scale))
    assert all(torch.equal(one, ours[name]) for name, one in arm(scale, fusion=fusion).state_dict().items())
    by_this_rule = build("vilbert", **ROOMY).state_dict()
    assert all(torch.equal(one, by_this_rule[name]) for name, one in faithful.items()) == (scale == "common")


def parts(model: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor]]:
    """Every parameter with the module that owns it and its name there."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            yield module, name, parameter.detach()


def assert_normal(drawn: Tensor, deviation: float) -> None:
    """Within five standard errors of mean and deviation."""
    assert abs(drawn.mean().item()) < 5 * deviation / math.sqrt(drawn.numel())
    assert drawn.std().item() == pytest.approx(deviation, rel=5 / math.sqrt(2 * drawn.numel()))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("fusion", "code", "norm"),
    [
        ("single_stream", "learned_grid", "post"),
        ("single_stream", "none", "pre"),
        ("vilbert", "normed_7", "post"),
        ("lxmert", "sinusoid", "pre"),
        ("late", "sum_5", "post"),
    ],
)
def test_all_that_begins_from_nothing_has_the_size_of_its_rule(scale: str, fusion: str, code: str, norm: str) -> None:
    model = arm(scale, fusion=fusion, spatial_code=code, norm=norm)
    losses = losses_of(model, scale, fusion=fusion, spatial_code=code, norm=norm)
    assert set(losses) == {"mlm", "itm", "region_divergence"}
    whole = nn.ModuleDict({"model": model, "head": model.head(40), **losses})
    kinds = set()
    for module, name, parameter in parts(whole):
        kinds.add((type(module).__name__, name))
        if isinstance(module, nn.LayerNorm) and name == "weight":
            assert (parameter == 1).all()
        elif name == "bias":
            assert not parameter.any()
        elif isinstance(module, nn.Embedding):
            if module.padding_idx is not None:
                assert not parameter[module.padding_idx].any()
                parameter = parameter[torch.arange(len(parameter)) != module.padding_idx]
            assert_normal(parameter, 0.5 if scale == "common" else 0.02)
        else:
            assert isinstance(module, nn.Linear)
            assert_normal(parameter, module.in_features**-0.5 if scale == "common" else 0.02)
    assert {kind for kind, _ in kinds} == {"Linear", "Embedding", "LayerNorm", "MaskedLanguageModelling"}


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if paper(load(name))])
def test_architectures_begin_by_the_common_rule(name: str) -> None:
    """All weights of an arm, its head and its losses; those of normalisations are one, also where a paper begins at zero."""
    torch.manual_seed(0)
    model = build(name, **ROOMY)
    losses = {one: objectives.load(one)(model, configured(**ROOMY)) for one in model.PRETRAINING.losses}
    head = nn.Module() if name == "vilbert" else model.head(40)  # its weights are normalised
    zeros = {id(model.get_parameter(one)) for one in model.ZEROS}
    seen = 0
    for module, kind, parameter in parts(nn.ModuleDict({"model": model, "head": head, **losses})):
        if isinstance(module, nn.LayerNorm | nn.BatchNorm2d) and kind == "weight":
            assert (parameter == 1).all()
        elif parameter.ndim < 2:
            assert kind == "logit_scale" or not parameter.any()
        elif id(module.get_parameter(kind)) not in zeros:
            padding = getattr(module, "padding_idx", None)
            drawn = parameter if padding is None else parameter[torch.arange(len(parameter)) != padding]
            matrix = isinstance(module, nn.Linear | nn.Conv2d)
            assert_normal(drawn, parameter[0].numel() ** -0.5 if matrix else 0.5)
            seen += 1
    assert seen > 5
    if "mlm" in losses:
        assert losses["mlm"].logit_scale == (tied_logit_scale(64) if model.TIED_WORDS else 1.0)
    if "text" in model.COMPONENTS:
        words = objectives.load("mlm")(text_encoder(configured(**ROOMY)), configured(**ROOMY))
        assert words.logit_scale == tied_logit_scale(64)


def test_the_rules_make_two_sizes_of_one_draw_and_agree_where_2500_numbers_are_read() -> None:
    common, berts = (dict(arm(scale).named_parameters()) for scale in SCALES)
    for name, one in common.items():
        matrix = one.ndim > 1
        deviation = 0.5 if name.startswith("text_embedding") else one[0].numel() ** -0.5
        torch.testing.assert_close(berts[name], one * BERT_STD / deviation if matrix else one)
    layers = []
    for scale in SCALES:
        torch.manual_seed(0)
        layers.append(initialised(nn.Linear(2500, 4), scale).weight)
    torch.testing.assert_close(*layers)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_vocabulary_logits_of_fresh_words_are_scaled_by_the_common_rule_alone(norm: str) -> None:
    states = torch.randn(200, 64, generator=torch.Generator().manual_seed(3))
    for scale, factor in (("common", 1 / (0.5 * 8)), ("bert", 1.0)):
        model = arm(scale, norm=norm)
        mlm = losses_of(model, scale, norm=norm)["mlm"]
        words = model.get_input_embeddings().weight
        hidden = F.layer_norm(F.gelu(states @ mlm.transform.weight.T), [64], eps=1e-12)
        torch.testing.assert_close(mlm.logits(model, states), factor * hidden @ words.T, atol=1e-5, rtol=1e-5)
        deviation = mlm.logits(model, states).std().item()
        assert deviation == pytest.approx({"common": 1.0, "bert": 0.02 * 8}[scale], rel=0.05)


@pytest.mark.parametrize(
    ("fusion", "readout"),
    # Late fusion has no other readout: nothing of the picture would reach it.
    [
        *((fusion, "product") for fusion in FUSIONS),
        *((fusion, "pooled_text") for fusion in FUSIONS if fusion != "late"),
    ],
)
def test_a_text_encoder_is_taken_as_it_is_and_the_rest_differs(fusion: str, readout: str) -> None:
    torch.manual_seed(4)
    encoder = text_encoder(configured(**ROOMY))
    models = {scale: arm(scale, fusion=fusion, readout=readout) for scale in SCALES}
    for scale, model in models.items():
        load_component(model, "text", encoder.state_dict())
        losses = losses_of(model, scale, fusion=fusion, readout=readout)
        # The encoder's words are by the common rule, and were trained with the scale that it asks for.
        assert losses["mlm"].logit_scale == tied_logit_scale(64)
        assert_normal(losses["itm"].head.weight, {"common": model.pooled_size**-0.5, "bert": 0.02}[scale])
    common, berts = (dict(model.named_parameters()) for model in models.values())
    differ = {name for name, one in common.items() if not torch.equal(one, berts[name])}
    fresh = {"visual_embedding.projection.weight", "visual_embedding.code.linear.weight"}
    fresh |= {"text_pooler.weight", "image_pooler.weight"} if readout == "product" else set()
    layers = {name for name in differ if name.startswith("layers.")}
    assert differ - layers == fresh
    assert bool(layers) == (fusion != "single_stream")  # which BERT fills to the last weight
    taken = {name for name, one in common.items() if any(torch.equal(one, theirs) for theirs in encoder.parameters())}
    assert not {name for name in taken & differ if common[name].ndim > 1}


@pytest.mark.parametrize("scale", SCALES)
def test_a_checkpoint_is_never_touched(scale: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    encoder = text_encoder(configured(**ROOMY))
    encoder.save_pretrained(tmp_path)
    model = arm(scale, text=str(tmp_path))
    assert torch.equal(model.get_input_embeddings().weight, encoder.get_input_embeddings().weight)
    assert losses_of(model, scale, text=str(tmp_path))["mlm"].logit_scale == 1.0
    assert_normal(model.visual_embedding.projection.weight.detach(), {"common": 24**-0.5, "bert": 0.02}[scale])
