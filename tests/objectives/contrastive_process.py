"""One of several processes that train CLIP on their slices of one batch. Run: RANK WORLD STORE OUT."""

import sys

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from components.models.architectures import load
from components.objectives.contrastive import Contrastive
from tests.objectives.small_batches import SMALL, batch


def gradients(given_batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The gradients of CLIP in double precision, its loss and its accuracy."""
    torch.manual_seed(0)
    model = load("clip")(SMALL).double()
    loss, metrics = Contrastive(model, SMALL)(model, None, {**given_batch, "pixels": given_batch["pixels"].double()})
    loss.backward()
    found = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    return {**found, "loss": loss.detach(), "accuracy": metrics["accuracy"].double()}


def union(count: int, dense: bool) -> dict[str, torch.Tensor]:
    """The batch of all processes together; `dense`: with known false negatives."""
    whole = batch(count, seed=9)
    if dense:
        whole["truth"] = torch.rand(count, count, generator=torch.Generator().manual_seed(1)) < 0.4
        whole["truth"].fill_diagonal_(True)
    return whole


def main() -> None:
    rank, world, store, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    results = {}
    for case in ("within", "across"):
        whole = union(4 * world, dense=case == "across")
        rows = slice(4 * rank, 4 * rank + 4)
        own = {name: one[rows] for name, one in whole.items()}
        if case == "within":
            own["truth"] = own["truth"][:, rows]
        results.update({f"{case}.{name}": one.contiguous() for name, one in gradients(own).items()})
    save_file(results, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
