"""Samples, sources, the deterministic batch stream."""
