"""Pretraining losses; one module per loss."""
