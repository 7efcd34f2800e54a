"""Stand-ins for what the original codes import and the fixtures do not need, and for what torch has since dropped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor


class Anything:
    """Takes any arguments and has any attribute; for names that are imported and never used."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Anything()


class StandIn(ModuleType):
    """A module with the given names; every other name is `Anything`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything


def stand_in(name: str, **attributes: Any) -> None:
    """Put a module of that name where imports look first, and packages above it unless they are there."""
    above, _, last = name.rpartition(".")
    if above:
        try:
            import_module(above)
        except ImportError:
            stand_in(above)
    module = sys.modules[name] = StandIn(name)
    module.__path__ = []
    if above:
        setattr(sys.modules[above], last, module)
    for attribute, value in attributes.items():
        setattr(sys.modules[name], attribute, value)


@contextmanager
def old_torch() -> Iterator[None]:
    """While open, torch takes masks of bytes, as it did in 2019, and `.cuda()` stays where it is."""

    def taking_bytes(method: Any) -> Any:
        def called(self: Tensor, mask: Tensor, *rest: Any) -> Tensor:
            return method(self, mask.bool(), *rest)

        return called

    changed = {name: taking_bytes(getattr(Tensor, name)) for name in ("masked_fill", "masked_fill_", "masked_select")}
    changed["cuda"] = lambda self, *_, **__: self
    with mock.patch.multiple(torch.Tensor, **changed):
        yield
