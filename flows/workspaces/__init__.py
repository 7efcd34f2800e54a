"""Where a study runs: the clone, workspaces, the state of the code, rebuilding a study elsewhere."""
