"""The word head of a text encoder's checkpoint: the layers between its states and the vocabulary."""

from torch import Tensor

from components.models.bert_text import KINDS
from components.models.configuration import ModelConfiguration
from components.models.encoders import TINY

_NAMES = {
    "bert": {
        "cls.predictions.transform.dense.": "mlm.transform.",
        "cls.predictions.transform.LayerNorm.": "mlm.norm.",
        "cls.predictions.bias": "mlm.bias",
    },
    "roberta": {"lm_head.dense.": "mlm.transform.", "lm_head.layer_norm.": "mlm.norm.", "lm_head.bias": "mlm.bias"},
}


def word_head(configuration: ModelConfiguration) -> dict[str, Tensor]:
    """The word head of the configuration's text encoder, under the names of `MaskedLanguageModelling.begin`.

    Empty where the encoder is 'tiny', where it is no BERT or RoBERTa, and where its checkpoint has no complete word head.

    Raises:
        OSError: there is no such checkpoint.
    """
    name = configuration.text_encoder
    if name == TINY:
        return {}
    from transformers import AutoConfig, AutoModelForMaskedLM

    kind = AutoConfig.from_pretrained(name).model_type
    if kind not in KINDS:
        return {}
    model, report = AutoModelForMaskedLM.from_pretrained(name, output_loading_info=True)
    found = {}
    for theirs, tensor in model.state_dict().items():
        for old, new in _NAMES[kind].items():
            if theirs.startswith(old):
                if theirs in report["missing_keys"]:
                    return {}
                found[new + theirs.removeprefix(old)] = tensor
    return found
