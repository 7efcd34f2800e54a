"""Make studies for the user's own data: their content, their file, and the copy of the data."""
