"""The pipeline's stages; one small module per stage."""

import gc
import sys

if sys.argv[0] == "-m":
    # Python sets this while it looks for the module of `python -m`: a stage process is starting. What its imports make is
    # never garbage, and the collector would look through all of it again and again. `stage.main` turns it on.
    gc.disable()
