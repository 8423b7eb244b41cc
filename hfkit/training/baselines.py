"""The baselines of a run: computed on the rows that its model is shown on, compared with it, printed and written."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from ..data.stored_rows import read_column
from ..evaluation.baselines import (
    MAJORITY,
    MAJORITY_SET,
    WORD_PIECES,
    Baseline,
    compare_baseline,
    name_solved,
    predict_majority,
    score_predictions,
)
from ..features.solution import Solution
from ..features.solved_scores import predict_rows
from ..features.word_pieces import MOST_ROWS, predict_word_pieces
from ..report.baselines import BASELINES_FILE, baseline_table, shown_baselines
from ..report.console import console_table
from ..report.tables import write_table
from ..task import Task
from .predicted import Predicted


def compute_baselines(task: Task, split: str) -> tuple[list[Baseline], list[str]]:
    """Return the baselines' predictions of a split, and for each that cannot be had a sentence that says why."""
    labels, train = read_column(task.rows["train"], "label"), task.inputs["train"]
    rows = len(task.rows[split])
    several = labels.ndim > 1
    computations: dict[str, Callable[[], Baseline]] = {
        MAJORITY_SET if several else MAJORITY: lambda: predict_majority(labels, rows)
    }
    baselines: list[Baseline] = []
    notes: list[str] = []
    if "input_ids" in train.column_names:
        if len(labels) > MOST_ROWS:
            notes.append(f"The baseline of word pieces is fitted on {MOST_ROWS:,} of {len(labels):,} rows of train.")
        computations[WORD_PIECES] = lambda: predict_word_pieces(train, labels, [task.inputs[split]], task.processor)
    for name, compute in computations.items():
        one, problem = _try(name, compute)
        baselines += one
        notes += problem
    return baselines, notes


def predict_solved(
    task: Task, predicted: Predicted, solution: Solution | None, seconds: float
) -> tuple[list[Baseline], list[str]]:
    """Return the baseline of a head that was solved beside the training, or why there is none; both empty without such a head.

    Args:
        task: With the rows.
        predicted: What the model and the other head gave for the split that is shown.
        solution: The head.
        seconds: What the pass over the training rows took; solving and predicting are added.

    """
    if solution is None or predicted.beside is None:
        return [], []
    name = name_solved(task.model.config.head)
    logits, total = predicted.beside, solution.seconds + seconds + predicted.seconds
    rows = task.inputs[predicted.split]

    def predict() -> Baseline:
        """Add the n-grams of texts to what the pass gave."""
        token_ids = read_column(rows, "input_ids") if "input_ids" in rows.column_names else None
        return Baseline(name, predict_rows(solution, logits, token_ids), total)

    return _try(name, predict)


def _try(name: str, compute: Callable[[], Baseline]) -> tuple[list[Baseline], list[str]]:
    """Return a baseline in a list, or in another one the sentence that says why it is left out."""
    try:
        return [compute()], []
    except Exception as error:  # whatever it is: the run has its model and goes on
        reason = " ".join(str(error).split()) or type(error).__name__
        return [], [f"Left out of the baselines: {name} ({reason})."]


def report_baselines(
    task: Task,
    predicted: Predicted,
    seconds: float,
    folder: Path,
    console: Console,
    further: Sequence[Baseline] = (),
    further_notes: Sequence[str] = (),
) -> dict[str, float]:
    """Compute the baselines of a split, compare the model with each, print and write the table.

    Args:
        task: With the rows.
        predicted: What the model gave for the split that is shown, which has labels.
        seconds: What training it and predicting the split took.
        folder: Of the run.
        console: Where to print.
        further: Baselines that are known already.
        further_notes: Sentences on baselines that are not.

    Returns:
        Their accuracy and macro F1 with intervals, named such as `baseline_word_pieces_accuracy_low`.

    """
    assert predicted.references is not None
    split, kind, references = predicted.split, predicted.kind, predicted.references
    labels, predictions = len(task.label_names), kind.decide(predicted.logits)
    baselines, notes = compute_baselines(task, split)
    compared = [compare_baseline(each, references, predictions, labels, kind) for each in (*baselines, *further)]
    table = baseline_table(score_predictions(references, predictions, labels, kind), seconds, compared, split)
    write_table(folder / BASELINES_FILE, table)
    console.print(console_table(f"\nBaselines, on the rows of {split}", shown_baselines(table)))
    for line in (*(baseline.sentence() for baseline in compared), *notes, *further_notes):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return {f"baseline_{each.key}_{name}": value for each in compared for name, value in each.metrics.items()}
