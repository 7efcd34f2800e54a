"""What a certificate holds, and what the digests of all runs come to."""

from typing import Literal

from pydantic import Field

from components.records.model import Count, Written


class Checked(Written):
    """One check of an arm."""

    item: str = Field(description="what must be equal")
    equal: bool
    detail: str = Field(description="what was found, in words")


class Certificate(Written):
    """What was equal of an arm, checked one by one, and what is stated without having to be equal."""

    valid: bool = Field(description="whether every check passed; without it an arm is shown and never ranked")
    checks: list[Checked]
    stated: dict[str, str] = Field(
        description="in words, by item: visual tokens, texts cut off, passes, length of training"
    )

    step: str = Field(
        default="",
        description="why nothing is concluded from its intermediate step; empty where it passed its gates or has none",
    )

    @property
    def faults(self) -> list[str]:
        """What it fails on, in words."""
        return [f"{check.item}: {check.detail}" for check in self.checks if not check.equal]


class Violation(Written):
    """Runs whose digests should agree and do not."""

    where: str = Field(description="which runs, in words")
    digest: Literal["ids", "content", "regions", "corruption"] = Field(description="of what")
    values: dict[str, list[str]] = Field(description="who holds which digest, by digest")


class DigestSummary(Written):
    """Whether all runs were handed the same."""

    equal: bool
    compared: Count = Field(description="sets of runs that were compared")
    violations: list[Violation]
