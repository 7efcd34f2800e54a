"""What the tests of flows share: one pair of real servers, started by the services under test, and a study to track."""

from toy import servers
from tracked import root, schema

__all__ = ["root", "schema", "servers"]
