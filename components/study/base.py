"""What every settings model of a study is built on."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Strict(BaseModel):
    """A key that is not known is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
