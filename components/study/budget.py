"""How long and how fast a run trains: what a study allows, in one of four currencies, and the budget that comes of it."""

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Currency = Literal["samples", "steps", "flops", "seconds"]
CURRENCIES: tuple[Currency, ...] = get_args(Currency)


class Pace(BaseModel):
    """How fast to train: what every budget says, whatever it is counted in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    warmup: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        description="share of the samples over which the learning rate rises"
    )
    weight_decay: float = Field(ge=0)
    gradient_clip: float = Field(gt=0)


class Budget(Pace):
    """How long and how fast one run trains. Everything counts samples, never epochs."""

    samples: int = Field(ge=1)

    @property
    def steps(self) -> int:
        """Optimiser steps: the samples in whole batches."""
        return max(1, self.samples // self.batch_size)


class Allowance(Pace):
    """What a study gives to every arm alike, in exactly one currency.

    Of samples or steps every arm takes as many; of FLOPs or seconds, as many steps as it can pay for with what its own cost.
    """

    samples: int | None = Field(default=None, ge=1)
    steps: int | None = Field(default=None, ge=1)
    flops: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="forward and backward, counted from the model"
    )
    seconds: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="of the training loop, where it runs; not reproducible"
    )

    @model_validator(mode="after")
    def _one_currency(self) -> "Allowance":
        named = [currency for currency in CURRENCIES if getattr(self, currency) is not None]
        if len(named) != 1:
            raise ValueError(
                f"says how long training is in {' and '.join(named) or 'nothing'}: give exactly one of {', '.join(CURRENCIES)}"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it stands in a study: the one currency first, and no other."""
        values: dict[str, Any] = handler(self)
        rest = {key: value for key, value in values.items() if key not in CURRENCIES}
        return {self.currency: values[self.currency], **rest}

    @property
    def currency(self) -> Currency:
        """What it is counted in."""
        return next(currency for currency in CURRENCIES if getattr(self, currency) is not None)

    @property
    def amount(self) -> float:
        """How much of it there is."""
        amount: float = getattr(self, self.currency)
        return amount

    def described(self) -> dict[str, Any]:
        """What was given and in which batches, for records."""
        return {"currency": self.currency, "amount": self.amount, "batch_size": self.batch_size}

    def known(self) -> Budget | None:
        """The budget of every run, where no run's own costs have a say in it."""
        if self.samples is not None:
            return Budget(samples=self.samples, **self._pace())
        return None if self.steps is None else self.lasting(self.steps)

    def lasting(self, steps: int) -> Budget:
        """The budget of a run of so many steps."""
        return Budget(samples=steps * self.batch_size, **self._pace())

    def scaled(self, factor: float) -> "Allowance":
        """So many times as much, and never less than a batch."""
        least = {"samples": self.batch_size, "steps": 1}
        amount = self.amount * factor
        if self.currency in least:
            amount = max(least[self.currency], round(amount))
        return Allowance.model_validate({self.currency: amount, **self._pace()})

    def _pace(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Pace.model_fields}
