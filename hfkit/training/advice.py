"""What the losses of a finished training say, and what to try next."""

from datasets import Dataset

from ..data.stored_rows import read_column
from ..evaluation.baselines import measure_chance_loss
from ..flags.solver import is_solved
from ..flags.training_arguments import TrainingArguments
from ..freezing import FreezePlan
from ..notes import Note
from ..report.tables import epoch_table

NOTHING_LEARNED = 0.99
"""A training loss above this share of what chance gives is chance."""
STILL_FALLS = 0.95
"""A training loss below this share of the one of the epoch before is still falling."""


def advise(
    log_history: list[dict[str, float]], rows: Dataset, training: TrainingArguments, plan: FreezePlan
) -> list[Note]:
    """Return notes on a training in steps that learned nothing, or that ended while it still learned.

    Args:
        log_history: The Trainer's log.
        rows: Those of train, with a column `label`.
        training: How it was trained.
        plan: What trained.

    """
    if is_solved(training):
        return []
    epochs = epoch_table(log_history)
    train, validation = (epochs[name].dropna().tolist() for name in ("loss", "eval_loss"))
    chance = measure_chance_loss(read_column(rows, "label"))
    if train and min(train) > NOTHING_LEARNED * chance:
        rates = "--head_learning_rate" if plan.trains_head_alone else "--learning_rate and --head_learning_rate"
        more = ", --unfreeze_from all" if plan.unfreeze_from != "all" else ""
        if plan.lora is not None:
            more = f"{more} in the place of --peft lora"
        text = (
            f"The training loss did not fall clearly below {chance:.4f}, that of guessing by how frequent the classes are: try "
            f"other values of {rates}, more steps{more}, and look whether the labels belong to their rows."
        )
        return [Note("no_better_than_chance", text)]
    falls = len(train) > 1 and train[-1] < STILL_FALLS * train[-2]
    if falls and len(validation) > 1 and validation[-1] < validation[-2]:
        flag = "--max_steps" if training.max_steps > 0 else "--num_train_epochs"
        now = training.max_steps if training.max_steps > 0 else training.num_train_epochs
        text = (
            f"The losses were still falling in the last epoch (train {train[-2]:.4f} to {train[-1]:.4f}, validation "
            f"{validation[-2]:.4f} to {validation[-1]:.4f}): try more than {flag} {now:g}."
        )
        return [Note("still_learning", text)]
    return []
