"""What is run: data, models, objectives, tasks, training, evaluation and the pipeline's stages."""
