"""From spools to MLflow: what happened, whole and once."""
