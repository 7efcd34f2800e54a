"""One module for each form in which people keep their rows; `reading.py` beside this folder is the entrance."""
