"""What data hold and what training would make of them, without a model; nothing here imports torch.

Not here: reading itself (data/), whose notes and refusals are shown, and the verb (commands/data.py).
Start reading in run.py, which goes by texts.py or images.py; both return an Inspection, which show.py prints.
"""

__all__ = ["run"]
