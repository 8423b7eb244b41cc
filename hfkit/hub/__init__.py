"""Models on the Hub: pushing a run with proof that others can load it, its card, and checking what others have pushed.

Not here: saving a model (training/finish.py), and training it again from its card (reproduce.py).
Start reading in push.py; collect.py says what travels, proof.py loads the model in a clean process, check.py looks at a
repository without running its code.
"""

__all__ = [
    "card",
    "check",
    "client",
    "collect",
    "commit",
    "proof",
    "public_flags",
    "push",
    "pushed_run",
    "strange_backbone",
    "strange_flags",
]
