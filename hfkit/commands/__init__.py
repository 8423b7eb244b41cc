"""The `hfkit` command: a file for each group of verbs, each verb a thin call of a function of the other rooms.

Not here: what the verbs do, and the recipes, which are scripts for `accelerate launch` (recipes/) and do what train.py does.
Start reading in verbs.py, which imports nothing heavy; a new verb is a file beside it. main.py says what goes wrong.
"""

__all__ = ["main"]
