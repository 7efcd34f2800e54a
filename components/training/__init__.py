"""Lightning modules, budgets, freezing, resume, digests."""
