"""What a run shows: its header, tables, plots, sample images of its data, and the summary for its card.

Not here: metrics themselves (evaluation/), and the model card (hub/card.py).
Start reading in console.py, what is printed; tables.py, plots.py and confusion.py write files, summary.py writes `summary.json`.
"""

__all__ = [
    "abstention",
    "baselines",
    "class_report",
    "confusion",
    "console",
    "html",
    "illustrations",
    "learning_curve",
    "plots",
    "rows",
    "split",
    "summary",
    "tables",
]
