"""From outside data to samples, tokens and pixels, and from these to batches."""
