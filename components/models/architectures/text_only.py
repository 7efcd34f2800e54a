"""The text-only baseline, which does not read the image."""

from typing import ClassVar

from torch import nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import pooled_text, text_encoder, word_embeddings
from components.models.heads import linear_head
from components.models.passes import Pretraining
from components.models.states import Batch, States


class TextOnly(Architecture):
    """BERT on the text alone (Devlin et al., 2019). It shows how much wording and priors tell without the picture.

    DEVIATIONS:
        * BERT is pretrained on masked words alone, without next-sentence prediction.
          (tests/training/test_pretraining.py::test_a_text_encoder_is_pretrained_on_masked_words)
          (tests/objectives/test_objectives.py::test_text_pretraining_leaves_only_the_pooler_untouched)
        * No dropout before the head; in the paper it is 0.1.
          (tests/models/test_architectures.py::test_nothing_is_dropped_between_a_readout_and_what_reads_it)
        * Fresh weights are drawn by the common initialisation, and tied vocabulary logits are scaled to it
          (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"text": "text_encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining()
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "none",
        "spatial code": "none",
        "fusion": "none",
        "objectives": "none between unimodal pretraining and the task",
        "corruption": "none",
        "readout": "BERT's pooler on [CLS]; linear",
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

    def __init__(self, configuration: ModelConfiguration) -> None:
        super().__init__(configuration)
        self.text_encoder = text_encoder(configuration)
        self.pooled_size = self.text_encoder.config.hidden_size

    def encode(self, batch: Batch) -> States:
        """Read the text only; see `Architecture.encode`."""
        states = self.text_encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        return States(text=states.last_hidden_state, image=None, pooled=pooled_text(states))

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return word_embeddings(self.text_encoder)

    def head(self, outputs: int) -> nn.Module:
        """One linear layer on BERT's pooler."""
        return linear_head(self.pooled_size, outputs)
