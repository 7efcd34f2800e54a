"""Package, gate, promote, predict, serve."""
