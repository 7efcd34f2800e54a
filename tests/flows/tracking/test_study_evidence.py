"""What is read of a finished study for MLflow."""

from flows.tracking import study_evidence as evidence


def test_a_stage_has_read_the_data_set_and_what_its_replicate_has_drawn() -> None:
    paths = {"outputs/tokens": "1", "outputs/tokens/index.json": "2", "outputs/drawn/3": "4", "constraints.txt": "5"}
    entry = {"deps": [{"path": path, "md5": digest} for path, digest in paths.items()]}
    assert evidence.datasets(entry) == {"tokens": "1", "drawn": "4"}
