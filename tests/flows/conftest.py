"""What the tests of flows share: one pair of real servers, started by the services under test, and a study to track."""

from tests.flows.toy import servers
from tests.flows.tracked import root, schema

__all__ = ["root", "schema", "servers"]
