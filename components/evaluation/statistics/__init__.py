"""From scores to evidence: intervals, tests, ranks, power."""
