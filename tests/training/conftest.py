"""What the tests of training share with those of the pretraining losses."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "objectives"))
