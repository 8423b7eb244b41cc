"""Backbones: from a name (a net of a library, a Hub id, a folder, a saved run) to a classifier with its weights on top of it.

Not here: the nets and heads themselves (models/), and which of their layers train (freezing.py).
Start reading in text.py and image.py, one for each kind of data; find.py chooses between them.
"""

__all__ = [
    "checkpoints",
    "continuing",
    "families",
    "find",
    "image",
    "lora",
    "lora_targets",
    "packaged",
    "text",
    "text_checks",
]
