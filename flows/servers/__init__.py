"""Prefect and MLflow: the servers of a clone, their flow runs, the study as a deployment."""
