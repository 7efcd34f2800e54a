"""MMBT: pooled cells of an image grid as tokens of BERT."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.architecture import Architecture
from components.models.configuration import ModelConfiguration
from components.models.encoders import grid_channels, grid_encoder, grid_features, text_encoder, word_embeddings
from components.models.heads import linear_head
from components.models.initialisation import initialised
from components.models.passes import Pretraining
from components.models.states import Batch, States

POOLED_SHAPES = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (2, 2), 5: (5, 1), 6: (3, 2), 7: (7, 1), 8: (4, 2), 9: (3, 3)}
"""Number of image tokens to the grid that the features are averaged into (mmbt/models/image.py)."""


class MMBT(Architecture):
    """Multimodal Bitransformer (Kiela et al., 2019; code: facebookresearch/mmbt).

    The input is [CLS] image tokens [SEP] as segment 0 with positions 0 to N+1, then the text without its [CLS] as segment 1
    with positions from 0 again. All embeddings come from BERT's own tables. The readout is BERT's pooler on [CLS], the head
    one linear layer. `States.text` is aligned with `input_ids`: its first state is that of the common [CLS]. Visual tokens
    are the N image tokens. The schedule is part of the method: the image encoder and BERT's layers are frozen at first and
    are unfrozen one after the other (see the study).

    DEVIATIONS:
        * The closing [SEP] of the text is kept; the reference code ends the text without one.
          (tests/parity/test_parity_mmbt.py::test_image_segment_first_and_text_positions_restart_at_zero)
        * The study's grid encoder in place of a ResNet-152.
          (tests/models/test_architectures.py::test_components_load_strictly_and_keep_their_function)
        * AdamW and the study's schedule: the rate does not fall on plateaus, and no run ends early.
          (tests/training/test_module.py::test_one_optimiser_trains_everything_at_one_rate)
          (tests/training/test_learning_rate.py::test_it_rises_peaks_at_the_end_of_the_warm_up_and_falls_to_zero)
          (tests/training/test_length.py::test_steps_are_steps)
        * Parts are frozen for a share of the fine-tuning; in the code for a number of epochs.
          (tests/training/test_mmbt_freezing.py::test_image_unfreezes_before_text_and_the_rest_always_trains)
        * Fresh weights are drawn by the common initialisation (components/models/initialisation.py).
          (tests/models/test_initialisation.py::test_architectures_begin_by_the_common_rule)
    """

    COMPONENTS: ClassVar[dict[str, str]] = {"text": "text_encoder", "grid": "image_encoder"}
    PRETRAINING: ClassVar[Pretraining] = Pretraining()
    CARD: ClassVar[dict[str, str]] = {
        "text encoder": "BERT",
        "visual input": "grid of a ResNet, averaged into 1 to 9 tokens",
        "spatial code": "BERT's positions, in the order of the pooled cells",
        "fusion": "single stream, early: BERT reads image tokens before the text",
        "objectives": "none between unimodal pretraining and the task",
        "corruption": "none",
        "readout": "BERT's pooler on [CLS]; linear",
        "norm": "post-norm",
        "initial scale": "common",
        "start": "text encoder and grid encoder",
        "freezing": "image encoder, then BERT's layers, for the first part of fine-tuning",
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
        "freezing",
    )

    def __init__(self, configuration: ModelConfiguration) -> None:
        """Build an MMBT; see `Architecture`.

        Raises:
            ValueError: the text encoder is not a BERT.
        """
        super().__init__(configuration)
        self.text_encoder = text_encoder(configuration)
        if self.text_encoder.config.model_type != "bert":
            raise ValueError(
                "MMBT tells picture and text apart by BERT's two segments, and text_encoder "
                f"{configuration.text_encoder!r} is a {self.text_encoder.config.model_type}"
            )
        self.image_encoder = grid_encoder(configuration)
        width = self.text_encoder.config.hidden_size
        self.image_projection = initialised(nn.Linear(grid_channels(self.image_encoder), width))
        self.pooled_shape = POOLED_SHAPES[configuration.image_tokens]
        self.pooled_size = width

    def encode(self, batch: Batch) -> States:
        """Read image tokens and text with BERT; see `Architecture.encode`."""
        input_ids, attention_mask = batch["input_ids"], batch["attention_mask"]
        tokens, size, length = self.image_tokens(batch["pixels"]), *input_ids.shape
        words = self.text_encoder.get_input_embeddings()(input_ids)
        # The text's last token is [SEP], so its id need not be known here.
        rows = torch.arange(size, device=input_ids.device)
        separator = words[rows, attention_mask.sum(dim=1).long() - 1][:, None]
        embedded = torch.cat([words[:, :1], tokens, separator, words[:, 1:]], dim=1)
        first, second = tokens.shape[1] + 2, length - 1
        places = torch.arange(max(first, second), device=input_ids.device)
        states = self.text_encoder(
            inputs_embeds=embedded,
            position_ids=torch.cat([places[:first], places[:second]])[None],
            token_type_ids=torch.cat([places.new_zeros(first), places.new_ones(second)]).expand(size, -1),
            attention_mask=torch.cat([attention_mask.new_ones(size, first), attention_mask[:, 1:]], dim=1),
        )
        hidden = states.last_hidden_state
        return States(
            text=torch.cat([hidden[:, :1], hidden[:, first:]], dim=1),
            image=hidden[:, 1 : first - 1],
            pooled=states.pooler_output,
        )

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """(B, 3, height, width) to the N image tokens before BERT, (B, N, D)."""
        pooled = F.adaptive_avg_pool2d(grid_features(self.image_encoder, pixels), self.pooled_shape)
        return self.image_projection(pooled.flatten(2).transpose(1, 2))

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return word_embeddings(self.text_encoder)

    def head(self, outputs: int) -> nn.Module:
        """One linear layer on BERT's pooler."""
        return linear_head(self.pooled_size, outputs)
