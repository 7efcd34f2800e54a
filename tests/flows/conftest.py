"""One pair of real servers for all tests of flows, started by the services under test."""

from toy import servers

__all__ = ["servers"]
