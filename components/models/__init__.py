"""Models as plain torch modules; they import nothing from the rest of Ceteris."""
