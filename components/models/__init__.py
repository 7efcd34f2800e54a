"""Plain modules; they know nothing of the rest of Ceteris."""
