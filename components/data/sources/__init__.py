"""Sources: modules that turn outside data into samples and pictures, listed in `source.py`."""
