"""Doubtful labels of a run whose own frozen pass is not stored: by a head that is solved on its backbone before that trains."""

import time

from accelerate import PartialState
from rich.console import Console

from ..features.inputs import training_inputs
from ..features.matrix import read_features
from ..features.reading import TrainingInputs
from ..machine import give_back_memory
from ..task import Task
from .frozen_copy import make_frozen_copy
from .settings import RunSettings
from .solved_report import report_solved
from .solver import Solved, describe_inputs, describe_solution, list_groups, solve_and_tell


def solve_on_copy(task: Task, settings: RunSettings, console: Console) -> None:
    """Load the backbone a second time, solve a head on several of its layers as a solved run does, and say what it tells.

    The pass over the training rows is that of a solved run: it comes from the feature cache where it is there, and is kept in
    it. All processes call it, and the main one solves. The second backbone is gone afterwards.

    Args:
        task: Of the run.
        settings: Of the run.
        console: Where to print.

    """
    started = time.perf_counter()
    copied, its_settings = make_frozen_copy(task, settings)
    inputs = training_inputs(copied, its_settings.arguments)
    features = read_features(copied, inputs.states, settings.training.per_device_eval_batch_size)
    seconds = time.perf_counter() - started
    if PartialState().is_main_process:
        groups = list_groups(copied, features.shape[1])
        _say(
            console,
            "Label issues, by a head on the frozen backbone before anything trains: "
            f"{_describe_pass(inputs, len(features), seconds)}.",
        )
        solution = solve_and_tell(describe_inputs(copied, its_settings, features, groups), console)
        _say(console, describe_solution(solution))
        report_solved(copied, its_settings, Solved(solution, features, groups), console)
    del copied, inputs, features
    give_back_memory()


def _describe_pass(inputs: TrainingInputs, rows: int, seconds: float) -> str:
    """Say what loading the backbone and running it over the rows took, and whether that was or is stored."""
    took = f"loading it and its pass over {rows:,} rows took {seconds:.1f} s"
    if inputs.states is None:
        return took
    return f"{took}; the pass {'is kept' if inputs.seconds else 'was'} in the feature cache"


def _say(console: Console, line: str) -> None:
    console.print(f"\n{line}", markup=False, highlight=False, soft_wrap=True)
