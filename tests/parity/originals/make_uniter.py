"""Make the fixture of UNITER: python -m tests.parity.originals.make_uniter FOLDER (a clone of ChenRocks/UNITER).

`UniterForPretraining` (all tasks, optimal transport too), `UniterForVisualQuestionAnswering` and
`UniterForImageTextRetrieval`, with batches put together by the code's own collate functions.
"""

import sys
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from tests.parity.originals.dropout import watched_dropout
from tests.parity.originals.fixture import draw_weights, gradients_of, save
from tests.parity.originals.stand_ins import old_torch, stand_in

WIDTH, HEADS, LAYERS, HIDDEN, WORDS, POSITIONS, FEATURES, CLASSES, ANSWERS = 12, 2, 2, 20, 30, 10, 8, 6, 5
CLS, SEP, MASK = 2, 3, 4
TEXTS, REGIONS = (7, 4, 6, 5), (3, 4, 2, 4)
MATCHES = (1, 0, 0, 1)


def import_original(folder: str) -> tuple[Any, Any]:
    """The packages `data` and `model` of the code."""
    for name in ("lmdb", "lz4.frame", "msgpack", "msgpack_numpy", "horovod.torch", "tqdm"):
        stand_in(name)
    stand_in("apex.normalization.fused_layer_norm", FusedLayerNorm=nn.LayerNorm)
    stand_in("toolz.sandbox", unzip=lambda rows: zip(*rows, strict=True))
    stand_in("cytoolz", concat=lambda lists: [one for some in lists for one in some])
    sys.path.insert(0, folder)
    for name in ("data.itm", "data.mlm", "data.mrm", "model.itm", "model.model", "model.pretrain", "model.vqa"):
        import_module(name)
    return sys.modules["data"], sys.modules["model"]


def drawn_inputs() -> dict[str, Tensor]:
    """Texts with [CLS] and [SEP], regions and what is masked of them; rows of different length."""
    generator = torch.Generator().manual_seed(11)
    count, most = len(TEXTS), max(REGIONS)
    text_real = torch.arange(max(TEXTS)) < torch.tensor(TEXTS)[:, None]
    input_ids = torch.randint(5, WORDS, text_real.shape, generator=generator) * text_real
    input_ids[:, 0] = CLS
    input_ids[torch.arange(count), torch.tensor(TEXTS) - 1] = SEP
    region_real = torch.arange(most) < torch.tensor(REGIONS)[:, None]
    corners = torch.rand(count, most, 2, 2, generator=generator, dtype=torch.float64).sort(dim=2).values
    labels = torch.full_like(input_ids, -100)
    masked_ids = input_ids.clone()
    for row, place in ((0, 1), (0, 4), (1, 2), (2, 3), (3, 1)):
        labels[row, place] = input_ids[row, place]
        masked_ids[row, place] = MASK
    hidden = torch.zeros(count, most, dtype=torch.bool)
    for row, place in ((0, 0), (0, 2), (1, 3), (2, 1), (3, 0)):
        hidden[row, place] = True
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
        "region_classes": (2 * torch.randn(count, most, CLASSES, generator=generator, dtype=torch.float64)).softmax(-1),
        "pair_matches": torch.tensor(MATCHES),
        "answers": torch.rand(count, ANSWERS, generator=generator, dtype=torch.float64),
    }


def rows(inputs: dict[str, Tensor], name: str = "input_ids") -> list[tuple[Tensor, ...]]:
    """What the code's datasets hand to its collate functions: tokens, features, boxes in seven numbers, mask."""
    found = []
    for row, (text, regions) in enumerate(zip(TEXTS, REGIONS, strict=True)):
        box = inputs["region_boxes"][row, :regions]
        sides = box[:, 2:] - box[:, :2]
        norm_bb = torch.cat([box, sides], dim=1)
        seven = torch.cat([norm_bb, norm_bb[:, 4:5] * norm_bb[:, 5:]], dim=-1)
        features = inputs["region_features"][row, :regions]
        found.append((inputs[name][row, :text], features, seven, torch.ones(text + regions, dtype=torch.long)))
    return found


def batches(data: Any, inputs: dict[str, Tensor]) -> dict[str, dict[str, Any]]:
    """One batch for every task."""
    plain, masked = rows(inputs), rows(inputs, "masked_input_ids")
    targets = [torch.tensor([one]) for one in MATCHES]
    labels = inputs["mlm_labels"].masked_fill(inputs["mlm_labels"] == -100, -1)
    texts = [labels[row, :count] for row, count in enumerate(TEXTS)]
    hidden = [inputs["region_hidden"][row, :count] for row, count in enumerate(REGIONS)]
    asked = [data.mrm._get_img_tgt_mask(one, count) for one, count in zip(hidden, TEXTS, strict=True)]
    classes = [inputs["region_classes"][row, :count] for row, count in enumerate(REGIONS)]
    mrc = [(*one[:3], kinds, one[3], *two) for one, kinds, *two in zip(plain, classes, hidden, asked, strict=True)]
    return {
        "itm": data.itm.itm_ot_collate([(*one, two) for one, two in zip(plain, targets, strict=True)]),
        "mlm": data.mlm.mlm_collate([(*one, two) for one, two in zip(masked, texts, strict=True)]),
        "mrfr": data.mrm.mrfr_collate([(*one, *two) for one, *two in zip(plain, hidden, asked, strict=True)]),
        "mrckl": data.mrm.mrc_collate(mrc),
        # One sample of two pairs, twice: the first of each is the right one.
        "rank": data.itm.itm_rank_collate([plain[:2], plain[2:]]),
    }


def main() -> None:
    data, model = import_original(sys.argv[1])
    config = model.model.UniterConfig(WORDS, WIDTH, LAYERS, HEADS, HIDDEN, "gelu", 0.1, 0.1, POSITIONS, 2)
    pretraining = model.pretrain.UniterForPretraining(config, FEATURES, CLASSES)
    draw_weights(pretraining, 1)
    answering = model.vqa.UniterForVisualQuestionAnswering(config, FEATURES, ANSWERS)
    ranking = model.itm.UniterForImageTextRetrieval(config, FEATURES)
    draw_weights(answering, 2)
    for one in (answering, ranking.double()):
        one.uniter.load_state_dict(pretraining.uniter.state_dict())
    ranking.itm_output.load_state_dict(pretraining.itm_output.state_dict())
    ranking.init_output()

    inputs = drawn_inputs()
    outputs, gradients = {}, {}
    for one in (pretraining, answering, ranking):
        one.eval()
    with old_torch():
        given = batches(data, inputs)
        uniter, itm = pretraining.uniter, given["itm"]
        five = [itm[name] for name in ("input_ids", "position_ids", "img_feat", "img_pos_feat", "attn_masks")]
        outputs["text_embedded"] = uniter._compute_txt_embeddings(*five[:2])
        outputs["regions_embedded"] = uniter._compute_img_embeddings(*five[2:4])
        outputs["regions_embedded_hidden"] = uniter._compute_img_embeddings(
            given["mrfr"]["img_feat"], five[3], given["mrfr"]["img_masks"]
        )
        states = uniter(*five, itm["gather_index"], output_all_encoded_layers=False)
        outputs["states"], outputs["pooled"] = states, uniter.pooler(states)
        each = {task: pretraining(given[task], task) for task in ("mlm", "mrfr", "mrckl")}
        losses = {task: loss.mean() for task, loss in each.items()}  # as pretrain.py does
        scores, _ = pretraining(itm, "itm", compute_loss=False)
        matching, (near, far) = pretraining(itm, "itm")
        losses["itm"] = matching.mean()
        losses["ot"] = (near.sum() - far.sum()) / (near.size(0) + far.size(0))  # as pretrain.py does
        outputs["itm_scores"], outputs["ot_matching"], outputs["ot_mismatched"] = scores, near, far
        outputs["mrckl_each"] = each["mrckl"]
        gradients |= {task: gradients_of(loss, pretraining) for task, loss in losses.items()}
        answers = itm | {"targets": inputs["answers"]}
        outputs["vqa_scores"] = answering(answers, compute_loss=False)
        losses["vqa"] = answering(answers).mean() * ANSWERS  # as train_vqa.py does
        gradients["vqa"] = gradients_of(losses["vqa"], answering)
        outputs["rank_scores"] = ranking(given["rank"], compute_loss=False)
        losses["rank"] = ranking(given["rank"]).mean()
        gradients["rank"] = gradients_of(losses["rank"], ranking)
        outputs |= {f"loss_{task}": loss for task, loss in losses.items()}

        places = {}
        full = {name: tensor[:1] for name, tensor in itm.items() if name not in ("ot_inputs", "position_ids")}
        count = TEXTS[0] + REGIONS[0]
        full |= {"position_ids": itm["position_ids"], "attn_masks": full["attn_masks"][:, :count]}
        full |= {name: full[name][:, : REGIONS[0]] for name in ("img_feat", "img_pos_feat")}
        full["gather_index"] = full["gather_index"][:, :count]
        with watched_dropout() as places["itm"]:
            outputs["itm_scores_in_training"], _ = pretraining.train()(full, "itm", compute_loss=False)
        with watched_dropout() as places["mlm"]:
            masked = full | {"txt_labels": given["mlm"]["txt_labels"][:1], "input_ids": given["mlm"]["input_ids"][:1]}
            outputs["mlm_scores_in_training"] = pretraining.train()(masked, "mlm", compute_loss=False)
        with watched_dropout() as places["mrckl"]:
            kinds = full | {name: given["mrckl"][name][:1] for name in ("img_masks", "img_mask_tgt", "img_feat")}
            kinds |= {name: kinds[name][:, : REGIONS[0]] for name in ("img_masks", "img_feat")}
            kinds["img_mask_tgt"] = kinds["img_mask_tgt"][:, :count]
            outputs["mrckl_scores_in_training"] = pretraining.train()(kinds, "mrckl", compute_loss=False)
        with watched_dropout() as places["vqa"]:
            outputs["vqa_scores_in_training"] = answering.train()(full, compute_loss=False)
        with watched_dropout() as places["rank"]:
            outputs["rank_scores_in_training"] = ranking.train()(full, compute_loss=False)
    weights = (
        dict(pretraining.named_parameters()) | dict(answering.named_parameters()) | dict(ranking.named_parameters())
    )
    save("uniter", inputs=inputs, weights=weights, outputs=outputs, gradients=gradients, places=places)


if __name__ == "__main__":
    main()
