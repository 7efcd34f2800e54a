"""Make the fixture of ViLBERT: python -m tests.parity.originals.make_vilbert FOLDER (a clone of jiasenlu/vilbert_beta).

`BertForMultiModalPreTraining` and `VILBertForVLTasks` (answers, retrieval, referring expressions) of vilbert/vilbert.py. Both
streams are equally wide, as ours are at this size.
"""

import sys
from importlib import import_module

import torch
from torch import Tensor, nn

from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import draw_weights, gradients_of, save
from tests.parity.originals.stand_ins import stand_in

WIDTH, HEADS, HIDDEN, WORDS, POSITIONS, FEATURES, CLASSES, ANSWERS = 12, 2, 16, 25, 10, 6, 5, 4
CLS, SEP, MASK = 2, 3, 4
TEXTS, REGIONS = (7, 4, 6, 5), (3, 4, 2, 4)
MATCHES = (1, 0, 0, 1)


def drawn_inputs() -> dict[str, Tensor]:
    """Texts with [CLS] and [SEP], regions, what is masked of both, and which pairs belong together."""
    generator = torch.Generator().manual_seed(13)
    count, most, lengths = len(TEXTS), max(REGIONS), torch.tensor(TEXTS)
    text_real = torch.arange(max(TEXTS)) < lengths[:, None]
    input_ids = torch.randint(5, WORDS, text_real.shape, generator=generator) * text_real
    input_ids[:, 0] = CLS
    input_ids[torch.arange(count), lengths - 1] = SEP
    labels, masked_ids = torch.full_like(input_ids, -100), input_ids.clone()
    for row, place in ((0, 1), (0, 4), (1, 2), (2, 3), (3, 1)):
        labels[row, place] = input_ids[row, place]
        masked_ids[row, place] = MASK
    region_real = torch.arange(most) < torch.tensor(REGIONS)[:, None]
    hidden, chosen = (torch.zeros(count, most, dtype=torch.bool) for _ in range(2))
    for row, place in ((0, 0), (1, 3), (2, 1), (3, 2)):
        hidden[row, place] = chosen[row, place] = True
    chosen[1, 0] = True  # asked for and shown
    corners = torch.rand(count, most, 2, 2, generator=generator, dtype=torch.float64).sort(dim=2).values
    real = region_real[..., None]
    return {
        "input_ids": input_ids,
        "masked_input_ids": masked_ids,
        "mlm_labels": labels,
        "attention_mask": text_real.long(),
        "region_features": torch.randn(count, most, FEATURES, generator=generator, dtype=torch.float64) * real,
        "region_boxes": corners.flatten(2) * real,
        "region_real": region_real,
        "region_hidden": hidden,
        "region_chosen": chosen,
        "region_classes": (2 * torch.randn(count, most, CLASSES, generator=generator, dtype=torch.float64)).softmax(-1),
        "pair_matches": torch.tensor(MATCHES),
        "answers": torch.rand(count, ANSWERS, generator=generator, dtype=torch.float64),
    }


def regions(inputs: dict[str, Tensor], features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features, boxes in five numbers and mask, the whole picture first (vilbert/datasets/concept_cap_dataset.py)."""
    boxes, real = inputs["region_boxes"], inputs["region_real"]
    area = (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1, keepdim=True)
    whole = features.sum(dim=1, keepdim=True) / real.sum(dim=1)[:, None, None]
    first = boxes.new_tensor([0.0, 0.0, 1.0, 1.0, 1.0]).expand(len(boxes), 1, 5)
    return (
        torch.cat([whole, features], dim=1),
        torch.cat([first, torch.cat([boxes, area], dim=-1)], dim=1),
        nn.functional.pad(real.long(), (1, 0), value=1),
    )


def main() -> None:
    stand_in("apex.normalization.fused_layer_norm", FusedLayerNorm=nn.LayerNorm)
    sys.path.insert(0, sys.argv[1])
    import_module("vilbert")
    stand_in("vilbert.utils")
    code = import_module("vilbert.vilbert")
    config = code.BertConfig(
        WORDS,
        hidden_size=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=HEADS,
        intermediate_size=HIDDEN,
        max_position_embeddings=POSITIONS,
        v_feature_size=FEATURES,
        v_target_size=CLASSES,
        v_hidden_size=WIDTH,
        v_num_hidden_layers=2,
        v_num_attention_heads=HEADS,
        v_intermediate_size=HIDDEN,
        bi_hidden_size=WIDTH,
        bi_num_attention_heads=HEADS,
        v_biattention_id=[0, 1],
        t_biattention_id=[1, 2],
    )
    pretraining, tasks = code.BertForMultiModalPreTraining(config), code.VILBertForVLTasks(config, ANSWERS)
    draw_weights(pretraining, 1)
    draw_weights(tasks, 2)
    tasks.bert.load_state_dict(pretraining.bert.state_dict())
    tasks.cls.load_state_dict(pretraining.cls.state_dict())
    pretraining.eval(), tasks.eval()

    inputs, outputs, gradients, places = drawn_inputs(), {}, {}, {}
    features, boxes, region_mask = regions(inputs, inputs["region_features"])
    text, kinds, text_mask = inputs["input_ids"], torch.zeros_like(inputs["input_ids"]), inputs["attention_mask"]
    bert = pretraining.bert
    outputs["text_embedded"] = bert.embeddings(text, kinds)
    outputs["regions_embedded"] = bert.v_embeddings(features, boxes)
    given = (text, features, boxes, kinds, text_mask, region_mask)
    found = bert(*given)
    outputs |= dict(zip(("text", "regions", "text_pooled", "regions_pooled"), found, strict=False))

    hidden = inputs["region_features"].masked_fill(inputs["region_hidden"][..., None], 0.0)
    masked = (inputs["masked_input_ids"], *regions(inputs, hidden)[:2], kinds, text_mask, region_mask)
    words, classes, matching, _ = pretraining(*masked)
    outputs |= {"mlm_scores": words, "classes_scores": classes[:, 1:], "itm_scores": matching}
    labels = inputs["mlm_labels"].masked_fill(inputs["mlm_labels"] == -100, -1)
    asked = inputs["region_chosen"].long() * 2 - 1
    losses = pretraining(*masked, labels, asked, inputs["region_classes"], 1 - inputs["pair_matches"])
    outputs |= {f"loss_{name}": loss[0] for name, loss in zip(("mlm", "classes", "itm"), losses, strict=True)}
    gradients["pretraining"] = gradients_of(sum(losses).sum(), pretraining)  # as train_concap.py adds them

    answers, scores, _, _, pointing, _, _ = tasks(*given)
    outputs |= {"vqa_scores": answers, "rank_scores": scores, "grounding_scores": pointing[:, 1:, 0]}
    # As vilbert/task_utils.py does.
    outputs["loss_vqa"] = nn.BCEWithLogitsLoss()(answers, inputs["answers"]) * ANSWERS
    gradients["vqa"] = gradients_of(outputs["loss_vqa"], tasks)
    outputs["loss_rank"] = nn.CrossEntropyLoss()(scores.view(2, 2), torch.tensor([0, 1]))
    gradients["rank"] = gradients_of(outputs["loss_rank"], tasks)

    count = REGIONS[0]
    alone = (
        text[:1],
        features[:1, : 1 + count],
        boxes[:1, : 1 + count],
        kinds[:1],
        text_mask[:1],
        region_mask[:1, : 1 + count],
    )
    pretraining.train(), tasks.train()
    with watched_dropout() as places["states"]:
        found = bert(*alone)
        outputs |= {"text_in_training": found[0], "regions_in_training": found[1]}
    with watched_dropout() as places["pretraining"]:
        _, _, outputs["itm_scores_in_training"], _ = pretraining(*alone)
    with watched_dropout() as places["tasks"]:
        answers, scores, _, _, pointing, _, _ = tasks(*alone)
        outputs |= {"vqa_scores_in_training": answers, "rank_scores_in_training": scores}
        outputs["grounding_scores_in_training"] = pointing[:, 1:, 0]
    weights = dict(pretraining.named_parameters()) | dict(tasks.named_parameters())
    unused = ("q_dense", "linguisic_logit")  # by the original's forward, and by our tasks
    weights = {name: one for name, one in weights.items() if not any(part in name for part in unused)}
    save("vilbert", inputs=inputs, weights=weights, outputs=outputs, gradients=gradients, places=places)


if __name__ == "__main__":
    main()
