"""A vision transformer (ViT): patches of an image through pre-norm transformer layers.

ViLT and CLIP are built around the same class, so one pretrained vision transformer starts both of them.
Shapes: B batch, V visual tokens (the class token, then the patches row by row), D width.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.models.transformer import Activation, Transformer


class VisionTransformer(nn.Module):
    """ViT (Dosovitskiy et al., 2021) with a class token, learned positions and a final LayerNorm.

    Attention probabilities have no dropout, as in the checkpoints of ViT and in ViLT.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        dropout: float = 0.0,
        activation: Activation = "gelu",
        norm_epsilon: float = 1e-12,
        patch_bias: bool = True,
    ) -> None:
        super().__init__()
        self.width = width
        self.patch_projection = nn.Conv2d(3, width, patch_size, stride=patch_size, bias=patch_bias)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + (image_size // patch_size) ** 2, width))
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(
            width,
            layers,
            heads,
            feed_forward,
            dropout=dropout,
            attention_dropout=0.0,
            activation=activation,
            norm_epsilon=norm_epsilon,
        )
        self.norm = nn.LayerNorm(width, eps=norm_epsilon)

    def embed(self, pixels: Tensor) -> Tensor:
        """The input of the layers: (B, 3, height, width) to (B, V, D), the class token first, positions added."""
        patches = self.patch_projection(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(patches), -1, -1), patches], dim=1)
        return self.dropout(tokens + self.positions)

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalised final states: (B, 3, height, width) to (B, V, D)."""
        return self.norm(self.transformer(self.embed(pixels)))

    @classmethod
    def from_hugging_face(cls, name: str, image_size: int | None = None, dropout: float = 0.0) -> "VisionTransformer":
        """Load a `ViTModel` checkpoint from a hub name or a local folder.

        Args:
            name: hub name or folder.
            image_size: side of the square images in pixels; positions are interpolated to it if the checkpoint was
                trained on another size.
            dropout: rate in training; the checkpoint's own is not taken, for all arms of a study drop alike.

        Raises:
            OSError: there is no such checkpoint (or no network: `HF_HUB_OFFLINE` is honoured).
        """
        from transformers import ViTModel

        source = ViTModel.from_pretrained(name, add_pooling_layer=False)
        configuration: Any = source.config
        model = cls(
            image_size=image_size or configuration.image_size,
            patch_size=configuration.patch_size,
            width=configuration.hidden_size,
            layers=configuration.num_hidden_layers,
            heads=configuration.num_attention_heads,
            feed_forward=configuration.intermediate_size,
            dropout=dropout,
            norm_epsilon=configuration.layer_norm_eps,
        )
        weights = weights_from_hugging_face(source)
        weights["positions"] = interpolate_positions(weights["positions"], model.positions.shape[1])
        model.load_state_dict(weights)
        return model


def weights_from_hugging_face(source: Any) -> dict[str, Tensor]:
    """The state dict of a Hugging Face `ViTModel` under the names of `VisionTransformer`."""
    embeddings = source.embeddings
    weights = {
        "class_token": embeddings.cls_token,
        "positions": embeddings.position_embeddings,
        "patch_projection.weight": embeddings.patch_embeddings.projection.weight,
        "patch_projection.bias": embeddings.patch_embeddings.projection.bias,
        "norm.weight": source.layernorm.weight,
        "norm.bias": source.layernorm.bias,
    }
    for index, layer in enumerate(source.layers):
        attention = layer.attention
        projections = [attention.q_proj, attention.k_proj, attention.v_proj]
        biases = [torch.zeros(len(part.weight)) if part.bias is None else part.bias for part in projections]
        renamed = {
            "attention_norm": layer.layernorm_before,
            "attention.output": attention.o_proj,
            "feed_forward_norm": layer.layernorm_after,
            "feed_forward.expand": layer.mlp.fc1,
            "feed_forward.contract": layer.mlp.fc2,
        }
        prefix = f"transformer.layers.{index}"
        weights[f"{prefix}.attention.qkv.weight"] = torch.cat([part.weight for part in projections])
        weights[f"{prefix}.attention.qkv.bias"] = torch.cat(biases)
        for name, part in renamed.items():
            weights[f"{prefix}.{name}.weight"] = part.weight
            weights[f"{prefix}.{name}.bias"] = part.bias
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def interpolate_positions(positions: Tensor, tokens: int) -> Tensor:
    """Interpolate learned positions (1, 1 + n², D) from one square grid to another: (1, tokens, D), bicubic as in ViT."""
    if positions.shape[1] == tokens:
        return positions
    old, new = round((positions.shape[1] - 1) ** 0.5), round((tokens - 1) ** 0.5)
    grid = positions[:, 1:].unflatten(1, (old, old)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


def without_patch_bias(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the same function without a bias in the patch projection; it is added to the positions of the patches."""
    folded = dict(weights)
    bias = folded.pop("patch_projection.bias")
    positions = folded["positions"].clone()
    positions[:, 1:] += bias
    folded["positions"] = positions
    return folded
