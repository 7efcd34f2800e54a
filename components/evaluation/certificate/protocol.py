"""The protocol: everything that is held equal, as one short word that stands beside every result."""

from components.files.digests import digest_of_json
from components.study.study import Study

NOT_HELD = {"name", "runtime", "replicates"}
"""What a study file says beside its protocol, with `evaluation.examples`: what it is called, how it uses the machine, how
often it repeats, how much it shows."""


def protocol_hash(study: Study) -> str:
    """The first 16 digits of the sha256 of the protocol. Only results with equal ones may stand in one table."""
    held = study.model_dump(mode="json", exclude=NOT_HELD)
    del held["evaluation"]["examples"]
    return digest_of_json(held)[:16]
