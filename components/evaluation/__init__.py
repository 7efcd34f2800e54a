"""From predictions to evidence and to what people read of it."""
