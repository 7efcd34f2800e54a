"""Writing files whole or not at all, digests, JSON, locks."""
