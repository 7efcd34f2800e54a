"""One module for each form in which people keep rows. Other modules use them through `manifest_rows.py` beside this folder."""
