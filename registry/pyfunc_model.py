"""The registered model as code: MLflow runs this file to make the model, and unpickles nothing."""

import logging
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class PackagedModel(PythonModel):
    """Answers texts about pictures with the package it is registered with."""

    def load_context(self, context: Any) -> None:
        """Rebuild the model from the package's safetensors; torch is imported no earlier than here."""
        from pathlib import Path

        from components.serving.answering import Answerer

        self.answerer = Answerer.load(Path(context.artifacts["package"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """`image` (bytes of an image file) and `text` in; `answer`, `score` and the `scores` of all answers out.

        The signature has no place for notes on a text, so the log says what was not read.
        """
        answers = self.answerer.answer(model_input["image"].tolist(), model_input["text"].tolist())
        noted = [(row, answer.notes) for row, answer in enumerate(answers) if answer.notes]
        if noted:
            row, notes = noted[0]
            logging.getLogger("ceteris").warning(
                "%d of %d texts were not read whole, for example that of request %d: %s",
                *(len(noted), len(answers), row, " ".join(notes)),
            )
        return pd.DataFrame(
            {
                "answer": [answer.answer for answer in answers],
                "score": [answer.score for answer in answers],
                "scores": [answer.scores for answer in answers],
            }
        )


set_model(PackagedModel())
