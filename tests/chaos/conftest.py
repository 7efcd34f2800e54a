"""The servers of tests/flows."""

from tests.flows.toy import servers

__all__ = ["servers"]
