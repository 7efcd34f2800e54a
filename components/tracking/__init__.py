"""The spool: events of running stages, appended to files as they happen."""
