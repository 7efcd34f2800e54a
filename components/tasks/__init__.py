"""Downstream tasks; one module per task: head, loss, metric."""
