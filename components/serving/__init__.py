"""Answer questions with a packaged model; everything that a served model needs, without training code."""
