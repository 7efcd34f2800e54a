"""The leaderboard: scores, certificates and statistics put together, as data."""
