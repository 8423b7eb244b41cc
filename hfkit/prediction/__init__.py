"""Predictions of rows that have no labels: a table, lines or photos are read in blocks, predicted in batches, and written.

Not here: models and their own pipelines (models/), the evaluation of labelled rows (evaluation/), the command (commands/).
Start reading in run.py; stream.py goes from rows to a file by blocks, scorer.py predicts a block, pipelines.py is for Python,
onnx_model.py is the predict.py of models in ONNX.
"""

__all__ = [
    "console",
    "contents",
    "first_prediction",
    "loading",
    "onnx_folder",
    "onnx_model",
    "onnx_predictor",
    "opening",
    "pipelines",
    "pixels",
    "predictor",
    "prepare",
    "results",
    "run",
    "scorer",
    "scores",
]
