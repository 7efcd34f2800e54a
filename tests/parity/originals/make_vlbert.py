"""Make the fixture of VL-BERT: python -m tests.parity.originals.make_vlbert FOLDER (a clone of jackroos/VL-BERT).

`ResNetVLBERTForPretraining` and VQA's `ResNetVLBERT` on precomputed features, `VisualLinguisticBert` in both. What the whole
picture's features are in pretraining comes from `ConceptualCaptionsDataset`. The code fixes 2,048 features of a region and 256
frequencies of its box: here there are fewer.
"""

import base64
import sys
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import draw_weights, gradients_of, save
from tests.parity.originals.stand_ins import old_torch, stand_in

WIDTH, HEADS, LAYERS, HIDDEN, WORDS, POSITIONS, FEATURES, CLASSES, ANSWERS = 12, 2, 2, 20, 30, 16, 16, 5, 6
FREQUENCIES = FEATURES // 8
CLS, SEP, MASK = 2, 3, 4
TEXTS, REGIONS = (7, 4, 6), (3, 4, 2)
PICTURE = 100.0, 80.0
"""Width and height of all pictures in pixels."""


def import_original(folder: str) -> dict[str, Any]:
    """The modules of the code by their last name."""
    for name in ("boto3", "botocore.exceptions", "requests", "tqdm", "regex", "jsonlines", "pycocotools.coco"):
        stand_in(name)
    sys.path.insert(0, folder)
    stand_in("common.backbone.resnet.resnet")
    stand_in("common.lib.roi_pooling.roi_pool")
    stand_in("common.lib.roi_pooling.roi_align")
    names = (
        "common.fast_rcnn",
        "pretrain.modules.resnet_vlbert_for_pretraining",
        "pretrain.data.datasets.conceptual_captions",
        "vqa.modules.resnet_vlbert_for_vqa",
    )
    return {name.split(".")[-1]: import_module(name) for name in names}


def configuration() -> SimpleNamespace:
    """As cfgs/pretrain/base_prec_withouttextonly_4x16G_fp32.yaml and cfgs/vqa/base_4x16G_fp32.yaml, but small."""
    vlbert = SimpleNamespace(
        vocab_size=WORDS,
        hidden_size=WIDTH,
        visual_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        hidden_act="gelu",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        max_position_embeddings=POSITIONS,
        type_vocab_size=3,
        initializer_range=0.02,
        visual_scale_text_init=0.0,
        visual_scale_object_init=0.0,
        visual_ln=True,
        pos_embedding_frozen=False,
        word_embedding_frozen=False,
        obj_pos_id_relative=True,
        position_padding_idx=-1,
        object_word_embed_mode=2,
        visual_region_classes=CLASSES,
        with_pooler=True,
        from_scratch=True,
    )
    network = SimpleNamespace(
        IMAGE_FEAT_PRECOMPUTED=True,
        IMAGE_SEMANTIC=False,
        IMAGE_FINAL_DIM=WIDTH,
        IMAGE_FROZEN_BN=True,
        BERT_MODEL_NAME="",
        BERT_PRETRAINED="",
        BLIND=False,
        NO_GROUNDING=False,
        ENABLE_CNN_REG_LOSS=False,
        CLASSIFIER_TYPE="mlm",
        CLASSIFIER_DROPOUT=0.1,
        WITH_REL_LOSS=False,
        WITH_MLM_LOSS=True,
        WITH_MVRC_LOSS=True,
        MLM_LOSS_NORM_IN_BATCH_FIRST=False,
        MVRC_LOSS_NORM_IN_BATCH_FIRST=False,
        VLBERT=vlbert,
    )
    return SimpleNamespace(NETWORK=network, DATASET=SimpleNamespace(ANSWER_VOCAB_SIZE=ANSWERS))


class Tokenizer:
    """Special tokens, and texts of one word that are never looked at."""

    @classmethod
    def from_pretrained(cls, name: str) -> "Tokenizer":
        return cls()

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return [{"[CLS]": CLS, "[SEP]": SEP, "[MASK]": MASK}.get(token, 5) for token in tokens]

    def tokenize(self, text: str) -> list[str]:
        return text.split()


def with_fewer_features(model: nn.Module) -> None:
    """Give the layers that the code makes for 2,048 features the sizes of here."""
    model.image_feature_extractor.obj_downsample[1] = nn.Linear(8 * FREQUENCIES + FEATURES, WIDTH)
    if hasattr(model, "object_mask_visual_embedding"):
        model.object_mask_visual_embedding = nn.Embedding(1, FEATURES)


def drawn_inputs() -> dict[str, Tensor]:
    """Texts with [CLS] and [SEP], questions with a [MASK] behind them, regions, and what is masked of both."""
    generator = torch.Generator().manual_seed(12)
    count, most, rows = len(TEXTS), max(REGIONS), torch.arange(len(TEXTS))
    lengths = torch.tensor(TEXTS)
    text_real = torch.arange(max(TEXTS)) < lengths[:, None]
    input_ids = torch.randint(5, WORDS, text_real.shape, generator=generator) * text_real
    input_ids[:, 0] = CLS
    input_ids[rows, lengths - 1] = SEP
    questions = nn.functional.pad(input_ids, (0, 2))
    questions[rows, lengths], questions[rows, lengths + 1] = MASK, SEP
    labels, masked_ids = torch.full_like(input_ids, -100), input_ids.clone()
    for row, place in ((0, 1), (0, 4), (1, 2), (2, 3)):
        labels[row, place] = input_ids[row, place]
        masked_ids[row, place] = MASK
    region_real = torch.arange(most) < torch.tensor(REGIONS)[:, None]
    hidden, chosen = (torch.zeros(count, most, dtype=torch.bool) for _ in range(2))
    for row, place in ((0, 0), (0, 2), (1, 3), (2, 1)):
        hidden[row, place] = chosen[row, place] = True
    chosen[1, 0] = True  # asked for and shown
    classes = (2 * torch.randn(count, most, CLASSES, generator=generator)).softmax(-1)
    # The dataset sorts regions by how sure the front end is.
    classes = torch.stack([one[one.amax(dim=1).argsort(descending=True)] for one in classes])
    corners = 0.9 * torch.rand(count, most, 2, 2, generator=generator, dtype=torch.float64).sort(dim=2).values
    features = torch.randn(count, most, FEATURES, generator=generator)
    return {
        "input_ids": input_ids,
        "masked_input_ids": masked_ids,
        "mlm_labels": labels,
        "attention_mask": text_real.long(),
        "questions": questions,
        "region_features": (features * region_real[..., None]).double(),
        "region_boxes": corners.flatten(2).float().double() * region_real[..., None],
        "region_real": region_real,
        "region_hidden": hidden,
        "region_chosen": chosen,
        "region_classes": classes.double(),
        "answers": torch.rand(count, ANSWERS, generator=generator, dtype=torch.float64),
    }


def written_down(array: Tensor) -> str:
    return base64.encodebytes(np.ascontiguousarray(array.float().numpy()).tobytes()).decode()


def whole_picture(dataset: Any, inputs: Mapping[str, Tensor], row: int) -> Tensor:
    """The features of the whole picture, (1, F), as the dataset of pretraining makes them beside masked regions."""
    count = REGIONS[row]
    boxes = inputs["region_boxes"][row, :count] * torch.tensor([*PICTURE, *PICTURE])
    told = {
        "num_boxes": count,
        "boxes": written_down(boxes),
        "classes": written_down(inputs["region_classes"][row, :count]),
        "features": written_down(inputs["region_features"][row, :count]),
        "image_w": PICTURE[0],
        "image_h": PICTURE[1],
    }
    masks = inputs["region_hidden"][row, :count].long().tolist(), [np.zeros(CLASSES, np.float32)] * count
    made = dataset.ConceptualCaptionsDataset.__new__(dataset.ConceptualCaptionsDataset)
    made.__dict__ |= {
        "database": [{"frcnn": "", "caption": ["a"]}],
        "data_path": "",
        "with_precomputed_visual_feat": True,
        "add_image_as_a_box": True,
        "with_rel_task": False,
        "with_mlm_task": False,
        "with_mvrc_task": True,
        "mask_raw_pixels": False,
        "transform": None,
        "seq_len": 64,
        "tokenizer": Tokenizer(),
        "_load_json": lambda path: told,
        "random_mask_region": lambda classes: masks,
    }
    found = made[0][1]
    torch.testing.assert_close(found[1:, 4:].double(), inputs["region_features"][row, :count])  # in the same order
    return found[:1, 4:].double()


def boxes_with_features(inputs: Mapping[str, Tensor], picture: Tensor) -> Tensor:
    """(B, 1 + R, 4 + F) in pixels with the picture first, -2 at padding.

    The picture's box is as large as the picture; the code's ends at the last pixel.
    """
    count = len(picture)
    scale = torch.tensor([*PICTURE, *PICTURE], dtype=torch.float64)
    first = torch.cat([torch.tensor([0.0, 0.0, *PICTURE]).double().expand(count, 1, 4), picture], dim=2)
    others = torch.cat([inputs["region_boxes"] * scale, inputs["region_features"]], dim=2)
    return torch.cat([first, others.masked_fill(~inputs["region_real"][..., None], -2.0)], dim=1)


def main() -> None:
    code = import_original(sys.argv[1])
    rcnn, config = code["fast_rcnn"], configuration()
    inputs, outputs, gradients, places = drawn_inputs(), {}, {}, {}
    small = mock.patch.object(
        rcnn, "coordinate_embeddings", lambda boxes, dim, made=rcnn.coordinate_embeddings: made(boxes, FREQUENCIES)
    )
    pretraining_code, vqa_code = code["resnet_vlbert_for_pretraining"], code["resnet_vlbert_for_vqa"]
    blank = vqa_code.BertPredictionHeadTransform(config.NETWORK.VLBERT).state_dict()
    told = {f"cls.predictions.transform.{name}": tensor for name, tensor in blank.items()}
    with (
        mock.patch.object(pretraining_code, "BertTokenizer", Tokenizer),
        mock.patch.object(vqa_code, "BertTokenizer", Tokenizer),
        mock.patch.object(torch, "load", return_value=told),
    ):
        pretraining = pretraining_code.ResNetVLBERTForPretraining(config)
        answering = vqa_code.ResNetVLBERT(config)
    for number, model in enumerate((pretraining, answering)):
        with_fewer_features(model)
        draw_weights(model, number)
        model.eval()
    kinds = pretraining.vlbert.token_type_embeddings.weight
    kinds.data[1] = kinds.data[0]  # ours has one segment for all text
    shared = {name: one for name, one in pretraining.state_dict().items() if name in answering.state_dict()}
    answering.load_state_dict(shared | {f"final_mlp.{n}": p for n, p in answering.final_mlp.state_dict().items()})

    info = torch.tensor([PICTURE]).double().expand(len(TEXTS), 2)
    pictures = torch.stack([whole_picture(code["conceptual_captions"], inputs, row) for row in range(len(TEXTS))])
    inputs["picture_features"] = pictures[:, 0]
    counts = inputs["region_real"].sum(dim=1)[:, None, None]
    mean = inputs["region_features"].sum(dim=1, keepdim=True) / counts  # as vqa/data/datasets/vqa.py does
    labels = inputs["mlm_labels"].masked_fill(inputs["mlm_labels"] == -100, -1)
    soft = inputs["region_classes"] * inputs["region_chosen"][..., None]
    hard = nn.functional.one_hot(soft.argmax(dim=2), CLASSES).double() * inputs["region_chosen"][..., None]
    ops = nn.functional.pad(inputs["region_hidden"].long(), (1, 0))

    def pretrained(boxes: Tensor, targets: Tensor, ops: Tensor, rows: slice = slice(None), **given: Tensor) -> Any:
        text, asked = given.get("text", inputs["masked_input_ids"])[rows], nn.functional.pad(targets, (0, 0, 1, 0))
        return pretraining(None, boxes.clone()[rows], info[rows], text, None, labels[rows], ops[rows], asked[rows])

    with old_torch(), small:
        seen = boxes_with_features(inputs, pictures)
        found, _ = pretrained(seen, soft, ops)
        outputs["mlm_scores"], outputs["mvrc_scores"] = found["mlm_logits"], found["mvrc_logits"][:, 1:]
        outputs["loss_mlm"], outputs["loss_mvrc_soft"] = found["mlm_loss"], found["mvrc_loss"]
        certain, _ = pretrained(seen, hard, ops)
        outputs["loss_mvrc_hard"] = certain["mvrc_loss"]
        gradients["mlm"] = gradients_of(found["mlm_loss"], pretraining)
        gradients["mvrc_hard"] = gradients_of(certain["mvrc_loss"], pretraining)

        plain = boxes_with_features(inputs, mean)
        asking = inputs["input_ids"].masked_fill(inputs["input_ids"] == SEP, 0)[:, 1:]
        states: list[Any] = []
        watch = answering.vlbert.register_forward_hook(lambda module, given, made: states.append(made))
        answered, loss = answering.train_forward(None, plain.clone(), info, asking, inputs["answers"])
        watch.remove()
        (outputs["vqa_states"], outputs["vqa_pooled"]), outputs["vqa_scores"] = states[0], answered["label_logits"]
        outputs["loss_vqa"] = loss
        gradients["vqa"] = gradients_of(loss, answering)

        nothing = torch.zeros_like(ops)
        alone, first = plain[:, : 1 + REGIONS[0]], slice(0, 1)
        with watched_dropout() as places["pretraining"]:
            pretraining.train()
            shown, _ = pretrained(alone, soft[:, : REGIONS[0]], nothing[:, : 1 + REGIONS[0]], first)
        outputs["mlm_scores_in_training"] = shown["mlm_logits"]
        with watched_dropout() as places["vqa"]:
            answering.train()
            answered, _ = answering(None, alone[first].clone(), info[first], asking[first], inputs["answers"][first])
        outputs["vqa_scores_in_training"] = answered["label_logits"]
    weights = dict(answering.named_parameters()) | dict(pretraining.named_parameters())
    save("vlbert", inputs=inputs, weights=weights, outputs=outputs, gradients=gradients, places=places)


if __name__ == "__main__":
    main()
