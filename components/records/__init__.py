"""What stages write down, as typed models: every field with its unit and range. Read and written by those who import it."""
