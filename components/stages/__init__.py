"""The pipeline's stages; one small module per stage."""

import gc
import sys

if sys.argv[0] == "-m":
    # Python sets this while it looks for the module of `python -m`: a stage process is starting. What its imports make is
    # never garbage, and looking through it again and again takes longer than a third of them. `stage.main` turns this on.
    gc.disable()
