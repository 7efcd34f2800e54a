"""Sources: what turns something outside into samples and pictures. One module each, listed in `source.py`."""
