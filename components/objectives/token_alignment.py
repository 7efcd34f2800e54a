"""Word-region alignment as UNITER computes it."""

from torch import Tensor

from components.objectives.alignment import Alignment


class TokenAlignment(Alignment):
    """Optimal transport between all tokens of a text, [CLS] and [SEP] among them, and the regions of its picture.

    Chen et al., 2020, section 3.2 (WRA); code: ChenRocks/UNITER, `itm_ot_collate`, which leaves out padding alone.
    """

    def takes_part(self, attention_mask: Tensor) -> Tensor:
        """Every token but padding: (B, T), 1 at tokens, to (B, T) bool."""
        return attention_mask.bool()
