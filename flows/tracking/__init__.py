"""Copy the events of spool files to MLflow, completely and without duplicates."""
