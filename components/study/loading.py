"""Reading a study file, and saying what is wrong with it."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from components.errors import CeterisError
from components.study.checks import check
from components.study.study import Study


def load_study(path: Path | str = "params.yaml") -> Study:
    """Read and check a study file.

    Raises:
        CeterisError: the file is missing, is not YAML, or breaks a rule of the study.
    """
    path = Path(path)
    if not path.is_file():
        raise CeterisError(f"{path} does not exist: name a study file such as studies/laptop.yaml.")
    try:
        return parse_study(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except yaml.YAMLError as error:
        raise CeterisError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def parse_study(content: object, where: str) -> Study:
    """Check the content of a study file; `where` names it in errors."""
    try:
        study = Study.model_validate(content)
        check(study)
    except ValidationError as error:
        findings = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        )
        raise CeterisError(f"{where} is not a valid study: {findings}.") from None
    except ValueError as error:
        raise CeterisError(f"{where} is not a valid study: {error}.") from None
    return study
