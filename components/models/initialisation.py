"""One rule for fresh weights, for every architecture alike: otherwise the initial scale would be a confound.

BERT's habit (a standard deviation of 0.02 everywhere) makes models of width 64 crawl: the signal of tokens drowns, and
so does that of positions wherever tokens alone are made larger. So tokens, positions, types and spatial codes share one
standard deviation, and linear layers keep the variance of what they read. Loaded checkpoints are never touched.

Whether that is so is a question: a controlled arm may ask for the habit ('bert') in place of the rule ('common'). Both make
weights of the same draws, so that two networks which differ in nothing else begin with the same weights in another size.
"""

import math
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.models.configuration import InitialScale

EMBEDDING_STD = 0.5
"""Standard deviation of every embedding: tokens, positions, types, class tokens, spatial codes."""
BERT_STD = 0.02
"""Standard deviation of everything by BERT's habit (code: google-research/bert, `initializer_range`, whose normal is cut off at
two deviations; here, as in transformers, it is not)."""

Module = TypeVar("Module", bound=nn.Module)


def initialised(module: Module, scale: InitialScale = "common") -> Module:
    """Draw the weights of a freshly built module anew, and return it.

    By the common rule:

    * embeddings, and parameters with two or more dimensions that a module holds itself (class tokens, positions):
      normal with `EMBEDDING_STD`; the row of the padding token is zero;
    * linear layers and convolutions: normal with 1/sqrt(fan-in), biases zero;
    * normalisations: weight one, bias zero, running statistics reset;
    * scalars (CLIP's temperature) keep the value that their module gave them.

    By BERT's habit the two standard deviations are `BERT_STD`, and all else is the same.
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
    """What to multiply logits with that are products of a normalised state and a fresh embedding (0.25 at width 64).

    Entries of the state have variance one and those of the embedding `EMBEDDING_STD` squared, so a plain product
    would start with a standard deviation of `EMBEDDING_STD * sqrt(width)`; scaled, it starts at one. By BERT's habit
    nothing is scaled, as in BERT.
    """
    return 1.0 / (EMBEDDING_STD * math.sqrt(width))
