"""Masked language modelling, with or without a picture to look at."""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from components.models.configuration import ModelConfiguration
from components.models.encoders import TINY
from components.models.initialisation import initialised, tied_logit_scale
from components.models.states import Batch, States
from components.objectives.inputs import IGNORED
from components.objectives.objective import Objective, Outcome


class MaskedLanguageModelling(Objective):
    """Predict masked tokens (Devlin et al., 2019; ViLT section 3.2) with BERT's head.

    Its last layer is tied to the word embeddings, unless the model says that it is not (`TIED_WORDS`, ViLT).

    Works with an architecture that reads text and image jointly, and with a Hugging Face text encoder alone.
    Logits are computed at masked positions only. Shapes: B batch, T tokens, M masked tokens, D width.
    """

    def __init__(self, model: Any, configuration: ModelConfiguration) -> None:
        """Build the head for `model`, which must offer `get_input_embeddings()`."""
        super().__init__()
        words = model.get_input_embeddings()
        vocabulary, width = words.weight.shape
        self.transform = initialised(nn.Linear(width, width), configuration.initial_scale)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.bias = nn.Parameter(words.weight.new_zeros(vocabulary))
        tied = getattr(model, "TIED_WORDS", True)
        own = None if tied else nn.Linear(width, vocabulary, bias=False)
        self.decoder = None if own is None else initialised(own, configuration.initial_scale)
        # Scaled for words of the common rule, among them those of the study's own text encoder. A loaded checkpoint's words have
        # a size of their own and fresh ones by BERT's habit have BERT's, whose logits are plain products.
        begins = getattr(getattr(model, "design", None), "begins_with_bert", not hasattr(model, "encode"))
        pretrained = begins and configuration.text_encoder != TINY
        habit = configuration.initial_scale == "bert" and model.words_are_fresh
        self.logit_scale = 1.0 if pretrained or habit or not tied else tied_logit_scale(width)

    def begin(self, heads: Mapping[str, Tensor]) -> None:
        """Take the word head that the text encoder was pretrained with, as checkpoints of BERT are continued.

        Args:
            heads: `mlm.transform.weight`, `mlm.transform.bias`, `mlm.norm.weight`, `mlm.norm.bias` and `mlm.bias`.

        Raises:
            RuntimeError: names or shapes do not fit.
        """
        self.load_state_dict({name.removeprefix("mlm."): tensor for name, tensor in heads.items()}, strict=True)

    def logits(self, model: Any, states: Tensor) -> Tensor:
        """Vocabulary logits of any states: (..., D) to (..., vocabulary)."""
        states = self.norm(F.gelu(self.transform(states)))
        weight = model.get_input_embeddings().weight if self.decoder is None else self.decoder.weight
        return F.linear(states * self.logit_scale, weight, self.bias)

    def forward(self, model: Any, states: States | None, batch: Batch) -> Outcome:
        """Loss over the masked tokens of a batch.

        Args:
            model: the one that the head was built for.
            states: `text` (B, T, D); None for a text encoder, which is run here.
            batch: `mlm_labels` (B, T) with -100 where nothing is asked; `input_ids` (B, T), masked, and
                `attention_mask` (B, T) for a text encoder.

        Returns:
            The mean over masked tokens (zero where there are none), and the `accuracy`.
        """
        if states is None:
            text = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        else:
            assert states.text is not None
            text = states.text
        masked = batch["mlm_labels"] != IGNORED
        logits = self.logits(model, text[masked])  # (M, vocabulary)
        labels = batch["mlm_labels"][masked].long()
        count = max(len(labels), 1)
        loss = F.cross_entropy(logits, labels, reduction="sum") / count
        accuracy = (logits.detach().argmax(dim=-1) == labels).sum() / count
        return loss, {"accuracy": accuracy}
