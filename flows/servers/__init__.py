"""The Prefect and MLflow servers of a clone, their flow runs, and the study as a deployment."""
