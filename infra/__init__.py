"""Services and settings around the pipeline."""
