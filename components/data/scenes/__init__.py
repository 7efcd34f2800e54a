"""The generated default data: drawn scenes with a truth oracle."""
