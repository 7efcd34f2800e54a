"""Initialise fresh weights by one rule for every architecture; otherwise the initial scale would be a confound.

BERT's rule (a standard deviation of 0.02 everywhere) makes models of width 64 learn very slowly, because the signal of tokens
is lost. If only tokens are made larger, the signal of positions is lost. So by the common rule tokens, positions, types and
spatial codes share one standard deviation, and linear layers keep the variance of their input. Loaded checkpoints are never
changed.

The effect of this can be tested: a controlled arm may ask for BERT's rule ('bert') instead of the common one ('common'). Both
rules use the same random draws, so two networks that differ in nothing else start with the same weights at another scale.
"""

import math
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.models.configuration import InitialScale

EMBEDDING_STD = 0.5
"""Standard deviation of every embedding: tokens, positions, types, class tokens, spatial codes."""
BERT_STD = 0.02
"""Standard deviation of all weights by BERT's rule (google-research/bert, `initializer_range`). The code truncates the normal
distribution at two standard deviations; here, as in transformers, it is not truncated."""

Module = TypeVar("Module", bound=nn.Module)


def initialised(module: Module, scale: InitialScale = "common") -> Module:
    """Draw the weights of a freshly built module again, in place, and return the module.

    By the common rule:

    * embeddings, and parameters with two or more dimensions of other modules (class tokens, positions):
      normal with `EMBEDDING_STD`; the row of the padding token is zero;
    * linear layers and convolutions: normal with 1/sqrt(fan-in), biases zero;
    * normalisations: weight one, bias zero, running statistics reset;
    * scalars (CLIP's temperature) keep the value that their module gave them.

    By BERT's rule the two standard deviations are `BERT_STD`; everything else is the same.
    """
    embedding_std = EMBEDDING_STD if scale == "common" else BERT_STD
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.normal_(part.weight, std=part.weight[0].numel() ** -0.5 if scale == "common" else BERT_STD)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=embedding_std)
            if part.padding_idx is not None:
                nn.init.zeros_(part.weight[part.padding_idx])
        elif isinstance(part, nn.LayerNorm | _BatchNorm):
            part.reset_parameters()
        else:
            for parameter in part.parameters(recurse=False):
                if parameter.ndim >= 2:
                    nn.init.normal_(parameter, std=embedding_std)
    return module


def tied_logit_scale(width: int) -> float:
    """Factor for logits that are products of a normalised state and a fresh embedding (0.25 at width 64).

    Entries of the state have variance one and those of the embedding `EMBEDDING_STD` squared, so the plain product would
    start with a standard deviation of `EMBEDDING_STD * sqrt(width)`. With the factor it starts at one. By BERT's rule, as in
    BERT, logits are not scaled.
    """
    return 1.0 / (EMBEDDING_STD * math.sqrt(width))
