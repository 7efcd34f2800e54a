"""The symmetric contrastive loss of CLIP, over all processes, aware of known false negatives."""

import math
from typing import Any, ClassVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from components.models.configuration import ModelConfiguration
from components.models.states import Batch, States
from components.objectives.objective import Objective, Outcome

MAXIMUM_LOG_SCALE = math.log(100.0)


class Contrastive(Objective):
    """Find the own picture among all pictures, and the own text among all texts (CLIP section 2.3).

    A text is often true of other pictures of the batch too. Such known false negatives are masked out of the
    denominator: they neither attract nor repel, every row keeps exactly one target, and where only the own pairs are
    true it is CLIP's loss. (Taking them as positives would ask a short caption to be near many pictures.)

    In several processes each takes the rows of its own pairs against everybody's, and gradients flow to everybody's
    embeddings; the mean of the processes' losses, and of their gradients, is that of the union batch. All processes
    must hold equally many pairs. Shapes: B pairs of this process, A pairs of all processes, E shared embedding.
    """

    READS_STATES: ClassVar[bool] = False

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        super().__init__()

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Mean of both directions.

        Args:
            model: offers `embed_text`, `embed_image` (unit vectors) and the parameter `logit_scale`, the logarithm
                of the scale, which training clamps at 100.
            states: not looked at: the towers are read before anything joins them.
            batch: `input_ids` and `attention_mask` (B, T), `pixels` (B, 3, height, width), and `truth` bool, whether
                text i is true of picture j: (B, B) within this process, or (B, A) against the pictures of all
                processes in the order of their ranks.

        Returns:
            The loss; `accuracy` (own picture found and own text found, mean of both) and `scale`.
        """
        if self.training:
            with torch.no_grad():
                model.logit_scale.clamp_(max=MAXIMUM_LOG_SCALE)
        text = model.embed_text(batch["input_ids"], batch["attention_mask"])
        image = model.embed_image(batch["pixels"])
        scale = model.logit_scale.exp()
        truth = gather_truth(batch["truth"].bool())
        first = len(text) * _rank()
        own = torch.arange(first, first + len(text), device=text.device)
        directions = (
            _without_false_negatives(scale * text @ gather(image).T, truth[own], own),
            _without_false_negatives(scale * image @ gather(text).T, truth[:, own].T, own),
        )
        loss = (F.cross_entropy(directions[0], own) + F.cross_entropy(directions[1], own)) / 2
        found = torch.stack([logits.detach().argmax(dim=1) == own for logits in directions])
        return loss, {"accuracy": found.float().mean(), "scale": scale.detach()}


def gather(local: Tensor) -> Tensor:
    """The rows of all processes, (B, E) to (A, E), in the order of their ranks, with gradients to all of them."""
    return _Gather.apply(local) if _processes() > 1 else local


def gather_truth(truth: Tensor) -> Tensor:
    """(B, B) or (B, A) to (A, A); what is not known across processes counts as false."""
    processes = _processes()
    if processes == 1:
        return truth
    if truth.shape[1] == len(truth):
        blocks = [torch.zeros_like(truth)] * processes
        blocks[_rank()] = truth
        truth = torch.cat(blocks, dim=1)
    # Not every backend can gather truth values.
    return _gather_rows(truth.to(torch.uint8)).bool()


def _without_false_negatives(logits: Tensor, truth: Tensor, own: Tensor) -> Tensor:
    """Remove true pairs other than the own one from a softmax: all (B, A), `own` (B,) the columns of the own pairs."""
    others = truth.scatter(1, own[:, None], False)
    return logits.masked_fill(others, float("-inf"))


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _rank() -> int:
    return dist.get_rank() if _processes() > 1 else 0


def _gather_rows(local: Tensor) -> Tensor:
    parts = [torch.empty_like(local) for _ in range(_processes())]
    dist.all_gather(parts, local.contiguous())
    return torch.cat(parts)


class _Gather(torch.autograd.Function):
    """All-gather whose backward pass sums what every process has to say about a row."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        ctx.rows = len(local)
        return _gather_rows(local)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        first = ctx.rows * _rank()
        return total[first : first + ctx.rows]
