"""The single stream of equal size: how large it is, and that it begins as the narrow one."""

from dataclasses import replace

import pytest
import torch

from components.models.architecture import load_component
from components.models.bimodal import BimodalStack, Sizes
from components.models.encoders import text_encoder
from components.models.equal_size import as_large_as, parameters
from components.models.layouts import late, named, single_stream, vilbert
from tests.models.region_batches import AXES, batch, build, configured

DEFAULT = (Sizes.equal(64, 2, 256, 0.0), 3)
BASE = (Sizes.equal(768, 12, 3072, 0.1), 12)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize(("sizes", "depth"), [DEFAULT, BASE], ids=["default", "base"])
def test_the_wide_single_stream_is_as_large_as_co_attention(sizes: Sizes, depth: int, norm: str) -> None:
    sizes = replace(sizes, norm=norm)
    layout = named("single_stream_wide", depth)
    assert layout == named("single_stream", depth)
    other = parameters(named("vilbert", depth), sizes)
    wide = parameters(layout, as_large_as(named("vilbert", depth), layout, sizes))
    assert abs(wide - other) <= 0.01 * other
    # A unit has one weight from every input, one to every output, and a bias.
    assert abs(wide - other) <= depth * (2 * sizes.text_width + 1) / 2
    assert parameters(layout, sizes) < 0.5 * other


def test_counting_is_right_and_draws_nothing() -> None:
    sizes, depth = DEFAULT
    before = torch.get_rng_state()
    counted = parameters(vilbert(1, 2), sizes)
    assert torch.equal(torch.get_rng_state(), before)
    assert counted == sum(parameter.numel() for parameter in BimodalStack(vilbert(1, 2), sizes).parameters())
    assert as_large_as(single_stream(depth), late(depth), sizes).further_units == 0


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_arms_differ_in_parameters_as_their_layers_do(layers: int) -> None:
    arms = {
        fusion: build("controlled", layers=layers, axes=replace(AXES, fusion=fusion))
        for fusion in ("single_stream", "single_stream_wide", "vilbert")
    }
    counts = {fusion: sum(one.numel() for one in arm.layers.parameters()) for fusion, arm in arms.items()}
    assert abs(counts["single_stream_wide"] - counts["vilbert"]) <= 0.01 * counts["vilbert"]
    assert counts["single_stream"] < 0.5 * counts["vilbert"]
    rest = {fusion: sum(one.numel() for one in arm.parameters()) - counts[fusion] for fusion, arm in arms.items()}
    assert len(set(rest.values())) == 1


def test_a_wide_stream_with_a_loaded_encoder_computes_what_the_narrow_one_does() -> None:
    torch.manual_seed(3)
    encoder = text_encoder(configured())
    narrow, wide = (
        build("controlled", axes=replace(AXES, fusion=one)).eval() for one in ("single_stream", "single_stream_wide")
    )
    for arm in (narrow, wide):
        load_component(arm, "text", encoder.state_dict())
    # Of everything but the further units the wide one gets the narrow one's; the encoder's is there already.
    of_wide = wide.state_dict()
    units = wide.layers.sizes.further_units
    assert units > 0
    with torch.no_grad():
        for name, tensor in narrow.state_dict().items():
            if of_wide[name].shape == tensor.shape:
                of_wide[name].copy_(tensor)
            else:
                assert torch.equal(of_wide[name][..., : tensor.shape[-1]][: len(tensor)], tensor)
        given = batch([6, 4])
        for one, other in zip(narrow.encode(given)[:3], wide.encode(given)[:3], strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_further_units_learn_from_the_first_step() -> None:
    torch.manual_seed(3)
    arm = build("controlled", axes=replace(AXES, fusion="single_stream_wide"))
    load_component(arm, "text", text_encoder(configured()).state_dict())
    units = arm.layers.sizes.further_units
    networks = [row.sides["both"].network for row in arm.layers.sublayers if hasattr(row.sides["both"], "network")]
    assert len(networks) == 2
    optimiser = torch.optim.SGD(arm.parameters(), lr=0.1)
    for step in range(2):
        optimiser.zero_grad()
        arm.encode(batch([6, 4])).pooled.square().sum().backward()
        for network in networks:
            assert network.contract.weight.grad[:, -units:].abs().sum() > 0
            # What leads into them learns as soon as something leads out.
            assert bool(network.expand.weight.grad[-units:].abs().sum() > 0) == (step > 0)
        optimiser.step()
