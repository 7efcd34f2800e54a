"""What a decision about a version consists of: the gate's verdict, the test that it belongs to, and what came of it."""

from pydantic import BaseModel, ConfigDict, Field

from components.records.model import Count, Digest, Fraction, Written


class Verdict(Written):
    """What the gate says, with every figure it rests on. The last five are null where there was no champion."""

    model_config = ConfigDict(frozen=True)

    promoted: bool
    reason: str
    items: Count = Field(description="samples of the gate split")
    clusters: Count = Field(description="groups of these that share a picture")
    accuracy: Fraction = Field(description="fraction; the candidate's mean score")
    accuracy_lower: Fraction = Field(description="fraction; its lower bound with 95% confidence")
    floors: dict[str, Fraction] = Field(description="fractions on these samples, by floor")
    alpha: Fraction = Field(description="level of the test against the champion")
    champion_accuracy: Fraction | None = Field(default=None, description="fraction; the champion's mean score")
    difference: float | None = Field(default=None, ge=-1, le=1, description="fraction; candidate minus champion")
    difference_lower: float | None = Field(default=None, description="fraction; its lower bound at alpha")
    p_value: Fraction | None = Field(default=None, description="exact, of the sign-flip test of the groups' totals")
    discordant_clusters: Count | None = Field(default=None, description="groups on which the two differ")


class Test(Written):
    """One use of the gate: `gate/decision.json` of an artefact."""

    model_config = ConfigDict(frozen=True)

    task: str
    package_digest: Digest = Field(description="sha256 over the files of the package")
    gate_digest: Digest = Field(description="sha256 over the samples of the gate split")
    champion: str | None = Field(description="the version that it was compared with; null where there was none")
    number: Count = Field(description="tests against a champion of this task, this one included; 0 without a champion")
    verdict: Verdict


class Decision(BaseModel):
    """What happened to one task's package.

    `new` tells whether a version was registered; where the package was known already, `promoted` is False and `verdict`
    is the one of then.
    """

    model_config = ConfigDict(frozen=True)

    task: str
    promoted: bool
    version: str
    sentence: str
    new: bool
    name: str
    verdict: Verdict
