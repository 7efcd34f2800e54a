"""Answering questions with a packaged model: all that a served model needs, and nothing of training."""
