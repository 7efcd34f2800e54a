"""Make the fixture of MMBT: python -m tests.parity.originals.make_mmbt FOLDER BERT

FOLDER is a clone of facebookresearch/mmbt, BERT a folder with the package pytorch-pretrained-bert 0.6.2, which it builds on.
`MultimodalBertClf`, whose ResNet-152 hands on the map that it is given.
"""

import sys
from importlib import import_module
from types import SimpleNamespace
from unittest import mock

import torch
from torch import Tensor, nn

from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import draw_weights, gradients_of, save
from tests.parity.originals.stand_ins import old_torch, stand_in

WIDTH, HEADS, LAYERS, HIDDEN, WORDS, POSITIONS, CHANNELS, TOKENS, CLASSES = 12, 2, 2, 20, 30, 10, 8, 3, 4
CLS, SEP = 2, 3
TEXTS = (7, 4, 6)


def drawn_inputs() -> dict[str, Tensor]:
    """Texts with [CLS] and [SEP], rows of different length, maps of features and classes."""
    generator = torch.Generator().manual_seed(14)
    count, lengths = len(TEXTS), torch.tensor(TEXTS)
    real = torch.arange(max(TEXTS)) < lengths[:, None]
    input_ids = torch.randint(5, WORDS, real.shape, generator=generator) * real
    input_ids[:, 0] = CLS
    input_ids[torch.arange(count), lengths - 1] = SEP
    return {
        "input_ids": input_ids,
        "attention_mask": real.long(),
        "map": torch.randn(count, CHANNELS, 6, 5, generator=generator, dtype=torch.float64),
        "targets": torch.tensor([2, 0, 3]),
    }


def main() -> None:
    for name in ("boto3", "botocore.exceptions", "requests", "tqdm"):
        stand_in(name)
    stand_in("torchvision")
    # The code leaves the last two parts out.
    stand_in("torchvision.models", resnet152=lambda pretrained: nn.Sequential(*(nn.Identity() for _ in range(3))))
    sys.path[:0] = sys.argv[1:3]
    bert = import_module("pytorch_pretrained_bert.modeling")
    code = import_module("mmbt.models.mmbt")
    config = bert.BertConfig(
        WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        max_position_embeddings=POSITIONS,
    )
    settings = SimpleNamespace(
        bert_model="",
        task="food101",
        img_embed_pool_type="avg",
        img_hidden_sz=CHANNELS,
        hidden_sz=WIDTH,
        num_image_embeds=TOKENS,
        dropout=0.1,
        n_classes=CLASSES,
        vocab=SimpleNamespace(stoi={"[CLS]": CLS, "[SEP]": SEP}),
    )
    with mock.patch.object(code.BertModel, "from_pretrained", return_value=code.BertModel(config)):
        model = code.MultimodalBertClf(settings)
    draw_weights(model, 1)
    model.eval()

    inputs, outputs, gradients, places = drawn_inputs(), {}, {}, {}
    # The dataset leaves [CLS] to the picture's segment (mmbt/data/dataset.py); the closing [SEP] is ours.
    text, mask = inputs["input_ids"][:, 1:], inputs["attention_mask"][:, 1:]
    given = text, mask, torch.ones_like(text), inputs["map"]
    with old_torch():
        states: list[Tensor] = []
        watch = model.enc.encoder.register_forward_hook(lambda module, given, made: states.append(made[-1]))
        outputs["image_tokens"] = model.enc.img_embeddings.img_embeddings(model.enc.img_encoder(inputs["map"]))
        outputs["pooled"], outputs["scores"] = model.enc(*given), model(*given)
        watch.remove()
        outputs["states"] = states[0]
        outputs["loss"] = nn.CrossEntropyLoss()(outputs["scores"], inputs["targets"])
        gradients["classes"] = gradients_of(outputs["loss"], model)
        with watched_dropout() as places["classes"]:
            outputs["scores_in_training"] = model.train()(*(one[:1] for one in given))
    # The embeddings are registered twice, the classifier inside the encoder is never used.
    weights = {name: one for name, one in model.named_parameters() if not name.startswith("enc.clf")}
    save("mmbt", inputs=inputs, weights=weights, outputs=outputs, gradients=gradients, places=places)


if __name__ == "__main__":
    main()
