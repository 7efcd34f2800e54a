"""Small text encoders with weights that are all different, shared by the tests of what is taken from a checkpoint."""

import torch
from torch import nn
from transformers import PreTrainedModel

SIZES = {
    "vocab_size": 70,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 20,
}
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def randomised(model: PreTrainedModel) -> PreTrainedModel:
    """The model with every parameter drawn anew, biases and norms included."""
    torch.manual_seed(6)
    with torch.no_grad():
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
    return model.eval()
