"""Predictions of a model, and the metrics of them with their intervals.

Not here: when a run evaluates (training/evaluate.py), and how its results are shown (report/).
Start reading in metrics.py: label ids and logits go in, metrics come out, and it knows nothing of the Trainer.
"""

__all__ = ["intervals", "metrics", "predict"]
