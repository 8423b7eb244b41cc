"""Whole trainings in rising cost on one's own data, one table, and the rung that is enough.

Not here: how one of them is trained (tasks/ and training/), and the verb (commands/data.py).
Start reading in climb.py, which goes from rung to rung; rungs.py lists them, rule.py compares and recommends.
"""

__all__ = ["climb", "settings"]
