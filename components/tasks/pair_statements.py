"""Is a statement true of two pictures together?"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.heads import mlp_head
from components.models.states import Batch
from components.tasks.task import Task

SECOND = "_second"


class PairStatements(Task):
    """True or false, as NLVR2: each picture is read with the statement, and a two-layer MLP judges both readouts.

    Two passes whose readouts are concatenated are what LXMERT, ViLT and Pixel-BERT do; all architectures do it here.

    SIMPLIFICATIONS:
        * VisualBERT puts both pictures into one sequence, told apart by their visual type.
        * UNITER lets the two sequences attend to one another before they are pooled ("paired attention").
        * ViLT gives the second picture a modality embedding of its own, a copy of the first one's to begin with.
        * VL-BERT and ViLBERT did no task with two pictures.
    """

    kind: ClassVar[str] = "pair_statements"
    second_picture: ClassVar[bool] = True

    def head(self, model: Architecture, answers: int) -> nn.Module:
        """Two layers, the inner one as wide as both readouts: (B, 2P) to (B, answers)."""
        return mlp_head(2 * model.pooled_size, 2 * model.pooled_size, answers)

    def scores(self, model: Architecture, head: nn.Module, batch: Batch) -> Tensor:
        """Scores of the answers: (B, C)."""
        readouts = [model.readout(model.encode(view), view, self.kind) for view in views(batch)]
        return head(torch.cat(readouts, dim=1))


def views(batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The batch with the first, and with the second picture of each sample, under the names that models read."""
    first = {name: tensor for name, tensor in batch.items() if not name.endswith(SECOND)}
    second = {name.removesuffix(SECOND): tensor for name, tensor in batch.items() if name.endswith(SECOND)}
    return first, first | second
