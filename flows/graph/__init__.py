"""The graph as DVC knows it, and the walk through it."""
