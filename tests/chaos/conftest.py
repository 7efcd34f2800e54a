"""The toy pipeline and the servers of tests/flows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from toy import servers

__all__ = ["servers"]
