"""Studies that are made for the user's own data: what such a study asks for, and the file that says it."""
