"""Masked region modelling by divergence, at the scale of UNITER's code."""

from typing import ClassVar

from components.objectives.region_divergence import RegionDivergence


class RegionDivergenceMean(RegionDivergence):
    """`RegionDivergence`, averaged over classes too, so that it is as many times smaller as there are classes.

    Chen et al., 2020, section 3.2 (MRC-kl); code: ChenRocks/UNITER, which takes the mean of all elements; the
    paper writes a sum.
    """

    OVER_CLASSES: ClassVar[bool] = True
