"""The solved head in a run: what it is solved on, and how it becomes the head of the model."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console

from ..evaluation.abstention import ScoredRows
from ..features.apply_solution import apply_solution
from ..features.hidden_states import StateReader
from ..features.matrix import read_features, read_token_ids
from ..features.solution import Solution, SolverInputs
from ..features.solve import solve_head
from ..models.layer_groups import FeatureGroup
from ..notes import Note
from ..task import Task
from .settings import RunSettings


@dataclass(frozen=True)
class Solved:
    """A solution with what it was solved on.

    Attributes:
        solution: It.
        features: (rows, columns) of the training rows.
        groups: What the columns are.
        seconds: What reading or computing the features, choosing and fitting took.

    """

    solution: Solution
    features: torch.Tensor
    groups: list[FeatureGroup]
    seconds: float = 0.0

    def choosing(self, task: Task) -> ScoredRows | None:
        """Return the training rows as they were scored out of fold, which thresholds are chosen by; None without scores."""
        solution = self.solution
        if solution.out_of_fold is None or solution.is_multi_label:
            return None
        return ScoredRows.from_logits(solution.out_of_fold, np.array(task.frozen["train"].labels)[solution.rows])

    def metrics(self) -> dict[str, float]:
        """Return results of the solving, by name."""
        return {
            "train_runtime": round(self.seconds, 3),
            "temperature": round(self.solution.temperature, 4),
        }


def solve_run(task: Task, settings: RunSettings, states: StateReader | None, console: Console) -> Solved:
    """Solve the head of a model on its training rows; all processes call it, and the main one solves.

    Args:
        task: With the model, whose backbone is as it was pretrained, and the rows.
        settings: Of the run. Where the Trainer goes on from here, no layers are chosen and n-grams left out: it trains all
            layers that the head may read, and n-grams are added after it.
        states: Stored states of the training rows, or None.
        console: Where the candidates are printed.

    Raises:
        UserError: The training images have no copy that does not change.

    """
    started = time.perf_counter()
    features = read_features(task, states, settings.training.per_device_eval_batch_size)
    state = PartialState()
    shared: list[Solution | Exception | None] = [None]
    groups = list_groups(task, features.shape[1])
    if state.is_main_process:
        shared = [_try_to_solve(describe_inputs(task, settings, features, groups), console)]
    if state.num_processes > 1:
        broadcast_object_list(shared)
    [solution] = shared
    if isinstance(solution, Exception):  # in all processes, so that none waits for another
        raise solution
    assert solution is not None
    return Solved(solution, features, groups, time.perf_counter() - started)


def solve_and_tell(inputs: SolverInputs, console: Console) -> Solution:
    """Solve a head, and print each candidate with its score as soon as it has one, and last the chosen one as it is fitted."""

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    weighed = (
        ""
        if inputs.class_weights is None or inputs.positive_weights is not None
        else " (the best one is chosen by rows that count by the weight of their class)"
    )
    say(f"\nCandidates, by the share of training rows that are right out of fold{weighed}:")
    solution = solve_head(inputs, lambda scored: say(f"  {scored.describe()}"))
    if solution.chosen is not None:
        say(f"The best of them, fitted to the end: {solution.chosen.describe()}")
    return solution


def _try_to_solve(inputs: SolverInputs, console: Console) -> Solution | Exception:
    """Return the solution, or why there is none."""
    try:
        return solve_and_tell(inputs, console)
    except Exception as error:
        return error


def put_in(task: Task, solved: Solved, console: Console) -> list[Note]:
    """Let the model have the solved head, drop the layers that it does not read, and return what there is to say."""
    sentences = apply_solution(task.model, solved.solution, solved.groups, solved.features)
    notes = [Note("solver", " ".join([describe_solution(solved.solution), *sentences]))]
    report = task.model.drop_unused_layers()
    if report is not None:
        notes.append(Note("layers", report.sentence()))
    for note in notes:
        console.print(f"\n{note.text}", markup=False, highlight=False, soft_wrap=True)
    return notes


def describe_solution(solution: Solution) -> str:
    """Say what was chosen, out of how many candidates, and how well it is calibrated."""
    parts = [f"Solved head: {solution.candidate.describe()}"]
    chosen = solution.chosen
    if chosen is not None:
        compared = {item.candidate for item in solution.scored}  # some on a sample and on more rows
        parts[0] += (
            f", the best of {len(compared)} candidates out of fold: {chosen.accuracy:.4f} "
            f"({chosen.low:.4f} to {chosen.high:.4f})"
        )
    if solution.vocabulary is not None:
        parts.append(f"{len(solution.vocabulary):,} n-grams of word pieces")
    if solution.calibration is not None:
        before, after = solution.calibration
        parts.append(
            f"temperature {solution.temperature:.3g}, expected calibration error {before:.4f} before and {after:.4f} after"
        )
    return "; ".join([*parts, f"{solution.seconds:.1f} s", *solution.remarks]) + "."


def describe_inputs(
    task: Task, settings: RunSettings, features: torch.Tensor, groups: list[FeatureGroup]
) -> SolverInputs:
    """Collect what a head is solved on: features of the training rows, and for texts n-grams, unless flags leave them out.

    Args:
        task: With the rows.
        settings: Of the run.
        features: (rows, columns).
        groups: What the columns are.

    """
    model = settings.arguments.model
    ngrams = ["none"] if settings.starts_solved else getattr(model, "ngrams", ["none"])
    token_ids, special_ids = read_token_ids(task)
    return SolverInputs(
        features=features,
        groups=groups,
        labels=np.array(task.frozen["train"].labels, dtype=np.int64),
        classes=len(task.label_names),
        token_ids=token_ids,
        with_ngrams=ngrams != ["none"],
        special_ids=special_ids,
        longest=model.longest_ngram() or 2,
        layers_are_given=settings.starts_solved or model.layers not in (None, ["auto"]),
        ngrams_are_given=ngrams not in (None, ["auto"], ["none"]),
        class_weights=settings.class_weights,
        seed=settings.training.seed,
        # Training goes on with the cross-entropy, which like it does not punish a row for being right by far.
        losses=("hinge",) if settings.starts_solved else ("squares", "hinge"),
    )


def list_groups(task: Task, width: int) -> list[FeatureGroup]:
    """Return what the columns of the features are; but for a head on several layers they are one group."""
    return task.model.feature_groups() or [FeatureGroup("features", "own", 0, width)]
