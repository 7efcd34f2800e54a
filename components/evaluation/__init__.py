"""Metrics, statistics, leaderboard, report."""
