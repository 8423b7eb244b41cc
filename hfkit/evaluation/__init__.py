"""Predictions of a model, their metrics with intervals, and what the same numbers tell: baselines, abstention, doubtful labels.

Not here: when a run evaluates (training/evaluate.py), and how its results are shown (report/).
Start reading in metrics.py: label ids and logits go in, metrics come out, and it knows nothing of the Trainer; paired.py says
whether one of two models is better.
"""

__all__ = [
    "abstention",
    "baselines",
    "calibration",
    "intervals",
    "label_issues",
    "label_kinds",
    "label_set_metrics",
    "metrics",
    "paired",
    "predict",
    "weighing",
]
