"""From predictions to scores, and the floors that every score stands beside."""
