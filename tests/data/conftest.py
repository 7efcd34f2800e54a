"""Helpers that write manifests stand in `sources/test_manifest_source.py`; tests of other rooms use them too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "sources"))
