"""Attribute classification: what is a masked object like? (LXMERT)"""

from typing import ClassVar

from components.objectives.region_classes import RegionClasses


class RegionAttributes(RegionClasses):
    """Name the attribute of a masked region as the front end does, just as its class is named.

    The second label of the public code's `BertVisualObjHead`; reads `region_attributes` (B, R, A).
    """

    KEY: ClassVar[str] = "region_attributes"
    KINDS: ClassVar[str] = "object_attributes"
