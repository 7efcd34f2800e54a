"""What a certificate finds, for tests that break a record and look who is caught."""

from components.evaluation.certificate.certificate import certify
from components.evaluation.certificate.training_records import TrainingRecords
from components.records.training import TrainingRecord
from components.study.study import Study


def faults(study: Study, records: TrainingRecords) -> dict[str, set[str]]:
    """Failed checks by arm."""
    found = {
        arm: {check.item for check in certificate.checks if not check.equal}
        for arm, certificate in certify(study, records).items()
    }
    for arm, certificate in certify(study, records).items():
        assert certificate.valid == (not found[arm])
        assert all(check.detail for check in certificate.checks)
    return {arm: items for arm, items in found.items() if items}


def cell(records: TrainingRecords, arm: str, name: str = "multimodal", replicate: int = 1) -> TrainingRecord:
    """One run of fine-tuning."""
    return records.arms[arm]["vqa"][name][replicate]
