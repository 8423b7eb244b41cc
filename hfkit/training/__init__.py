"""A run in its phases: resolve the flags, fit, finish (save, evaluate, report), push; with the Trainer and its callbacks.

Not here: models, data and metrics, which come in from the rooms below; this room alone builds the Trainer.
Start reading in run.py, which names the phases in their order; trainer.py is our one subclass of `transformers.Trainer`.
"""

__all__ = ["cost", "launch", "process_state", "run", "shared_pass", "start", "stopped"]
