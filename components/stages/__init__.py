"""The pipeline's stages; one small module per stage."""
