"""What every settings model of a study is built on."""

from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Strict(BaseModel):
    """A key that is not known is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """A check of a setting that names a row of a table."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"there is no {name!r}; known are {', '.join(known)}")
        return name

    return check
