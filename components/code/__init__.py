"""What the code of a stage does: its normal form, its imports, its digests."""
