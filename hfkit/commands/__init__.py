"""The `hfkit` command: a file for each group of verbs, each verb a thin call of a function of the other rooms.

Not here: what the verbs do, and the training recipes, which are scripts for `accelerate launch` (recipes/).
Start reading in main.py, which imports nothing heavy; a new verb is a file beside it.
"""

__all__ = ["main"]
