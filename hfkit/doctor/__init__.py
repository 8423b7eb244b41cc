"""What may keep hfkit from working here: packages, devices, disk, caches, network, a model's files, and a toy round trip.

Not here: a look at a model on the Hub (hub/check.py), which is used, and the verb (commands/doctor.py).
Start reading in examine.py, which goes through all checks; each of them returns findings with a remedy.
"""

__all__ = ["examine", "finding"]
