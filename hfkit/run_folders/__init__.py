"""What runs left on disk: found again, told in a table, compared with each other, and cleaned; nothing here imports torch.

Not here: what writes these files (training/, ladder/), and whether a model works (hub/proof.py).
Start reading in state.py, which says from a folder's files what became of a run; manifest.py names and sums those files.
"""

__all__ = [
    "checkpoints",
    "clean",
    "compare",
    "find",
    "lock",
    "manifest",
    "new_folder",
    "predictions",
    "record",
    "show",
    "show_comparison",
    "start",
    "state",
    "sums",
]
