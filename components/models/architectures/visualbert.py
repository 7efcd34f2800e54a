"""VisualBERT: BERT over words and regions."""

from typing import ClassVar

from torch import Tensor, nn

from components.models.family import Design, FusionArchitecture, state_before_last
from components.models.heads import linear_head
from components.models.passes import Pass, Pretraining
from components.models.states import Batch, States
from components.models.visual_embedding import VisualBERTEmbedding


class VisualBERT(FusionArchitecture):
    """VisualBERT (Li et al., 2019; code: uclanlp/visualbert; reference: `VisualBertModel`).

    BERT reads text and regions as one sequence, text first. A region is embedded as its projected features plus a visual type
    and the visual position 0, under BERT's own LayerNorm; its box is not used. Questions are answered from the state before
    the closing [SEP], all other tasks from BERT's pooler on [CLS], each with one linear layer.

    DEVIATIONS:
        * Questions are answered from the state of their last word; the paper appends a [MASK] and reads its state.
          (tests/models/test_family.py::test_questions_are_read_where_the_paper_reads_them)
        * In pretraining a picture is read with one caption, its own or (half of the time) another's. The paper reads two:
          the first is always its own, and matching is predicted for the second.
          (tests/objectives/test_inputs.py::test_mismatched_pairs_show_another_picture_or_another_text_with_its_masks)
        * The other side of a mismatched pair comes from the same batch, and is false by all that the data knows; the code
          draws it from all the data.
          (tests/data/test_batches.py::test_torn_pairs_are_false)
        * No second pretraining on the task's own data.
          (tests/study/test_graph.py::test_every_fine_tuning_begins_where_it_should)
        * The front end of the study in place of a Faster R-CNN, and its pretraining pairs in place of COCO.
          (tests/training/test_model_inputs.py::test_regions_are_those_of_the_studys_front_end_and_nothing_else_looks)
          (tests/data/test_batches.py::test_regions_are_those_of_the_pictures)
        * No dropout before the heads of tasks; in the code it is 0.1.
          (tests/models/test_architectures.py::test_nothing_is_dropped_between_a_readout_and_what_reads_it)
        * Two pictures of one statement are read one after the other, as for all architectures; the code reads them in one
          sequence.
          (tests/tasks/test_pair_statements.py::test_both_pictures_are_read_with_the_text)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    DESIGN: ClassVar[Design] = Design(fusion="single_stream", embedding=VisualBERTEmbedding)
    PRETRAINING: ClassVar[Pretraining] = Pretraining(
        (Pass(losses=(("mlm", 1.0), ("itm", 1.0)), words=True, mismatched="texts"),)
    )
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "features of regions",
        "spatial code": "none: visual position 0 for every region",
        "fusion": "single stream, early: BERT reads regions behind the text",
        "objectives": "masked language modelling 1.0, image-text matching 1.0",
        "corruption": "words masked, texts swapped, in one forward; masked words of swapped texts are predicted too",
        "readout": "state before the closing [SEP] (questions) or BERT's pooler on [CLS]; linear",
        "norm": "post-norm",
        "initial scale": "common",
        "start": "text encoder",
        "freezing": "none",
    }
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        "text encoder",
        "visual input",
        "spatial code",
        "fusion",
        "objectives",
        "corruption",
        "readout",
        "norm",
        "start",
    )

    def head(self, outputs: int) -> nn.Module:
        """One linear layer."""
        return linear_head(self.pooled_size, outputs)

    def readout(self, states: States, batch: Batch, kind: str) -> Tensor:
        """The state before the closing [SEP] for questions, otherwise the pooler; see `Architecture.readout`."""
        return state_before_last(states, batch) if kind == "vqa" else states.pooled
