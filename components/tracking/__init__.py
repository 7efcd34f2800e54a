"""The spool: what happened, appended as it happens."""
