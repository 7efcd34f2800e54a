"""Plots as SVG text. They know nothing of the page that they stand in."""
