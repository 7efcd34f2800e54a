"""Training runs: Lightning modules, budgets, freezing, resuming, digests of what was read."""
