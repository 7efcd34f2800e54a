"""The base of everything that is written as JSON and read again, and the one way of reading it."""

import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from components.errors import CeterisError
from components.files.json_files import read_json

SHOWN = 3
"""Faults of a file that are named."""


def _fraction_or_nothing(value: float) -> float:
    if not (math.isnan(value) or 0.0 <= value <= 1.0):
        raise ValueError("Input should be between 0 and 1")
    return value


Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
FractionOrNan = Annotated[float, AfterValidator(_fraction_or_nothing)]
"""Not a number where training came to nothing."""
Count = Annotated[int, Field(ge=0)]
Cost = Annotated[float, Field(ge=0.0)]
Digest = str
"""A sha256, in hexadecimal."""


class Written(BaseModel):
    """Something that lies on disk as JSON. A key that is not known, or is missing, means that another version wrote it."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    def as_json(self) -> dict[str, Any]:
        """What is written. Fields that were never set are left out, so that a file says nothing of what does not apply."""
        return self.model_dump(mode="json", exclude_unset=True)


Kind = TypeVar("Kind")


def read(path: Path, kind: type[Kind], remedy: str) -> Kind:
    """Read a JSON file and check it against its model.

    Args:
        kind: a model, or a dictionary or list of models.
        remedy: what to do if the file is not as it should be, such as "run the stage compare again".

    Raises:
        CeterisError: the file is missing or is not what it should be; one sentence names it and the field.
    """
    return checked(read_json(path, remedy), kind, str(path), remedy)


def checked(content: object, kind: type[Kind], where: str, remedy: str) -> Kind:
    """Check content that was read already; `where` names its file in errors."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        faults = error.errors()
        said = [f"{'.'.join(str(part) for part in one['loc']) or 'the whole'}: {_plain(one['msg'])}" for one in faults]
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        raise CeterisError(
            f"{where} is not what this version writes ({'; '.join(said[:SHOWN])}{more}): {remedy}."
        ) from None


def _plain(message: str) -> str:
    words = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return {"Field required": "is missing", "Extra inputs are not permitted": "is not known"}.get(message, words)
