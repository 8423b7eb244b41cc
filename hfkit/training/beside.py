"""A head that is solved beside a training in steps: a baseline where its pass is stored, and what tells doubtful labels."""

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console

from ..features.matrix import has_stored_vectors, read_stored_vectors
from ..features.reading import TrainingInputs
from ..features.solution import Solution
from ..features.solve import solve_head
from ..task import Task
from .label_issues import wants_label_issues
from .settings import RunSettings
from .solve_copy import solve_on_copy
from .solved_report import report_solved
from .solver import Solved, describe_inputs, describe_solution, list_groups


def solve_beside(task: Task, settings: RunSettings, inputs: TrainingInputs, console: Console) -> Solution | None:
    """Solve a head on the frozen, pretrained backbone before anything trains, where that is asked for or costs no pass.

    Where the feature cache has what the model's head takes of each row, it is solved on that, and is a baseline unless flags
    leave these out. Otherwise `--label_issues true` loads the backbone a second time (see `solve_copy`). For texts n-grams are
    a part of it, unless `--ngrams none` leaves them out. All processes call it, and the main one solves.

    Args:
        task: With the model, which nothing has trained.
        settings: Of the run.
        inputs: What it is trained on.
        console: Where to print.

    Returns:
        The head that was solved on what the model's own head takes; None where there is none.

    """
    wanted = wants_label_issues(settings, console)
    if has_stored_vectors(task, inputs):
        return _solve_stored(task, settings, inputs, wanted, console) if wanted or settings.training.baselines else None
    if wanted:
        solve_on_copy(task, settings, console)
    return None


def _solve_stored(
    task: Task, settings: RunSettings, inputs: TrainingInputs, label_issues: bool, console: Console
) -> Solution | None:
    """Solve a head on what is stored, say what it tells, and let all processes have it; a failure leaves it out."""
    state = PartialState()
    shared: list[Solution | None] = [None]
    if state.is_main_process:
        try:
            shared = [_solve(task, settings, inputs, label_issues, console)]
        except Exception as error:  # whatever it is: the run trains its model all the same
            reason = " ".join(str(error).split()) or type(error).__name__
            line = f"\nLeft out: the solved head{', and with it label issues' if label_issues else ''} ({reason})."
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if state.num_processes > 1:
        broadcast_object_list(shared)
    return shared[0]


def _solve(task: Task, settings: RunSettings, inputs: TrainingInputs, label_issues: bool, console: Console) -> Solution:
    features = read_stored_vectors(task, inputs)
    groups = list_groups(task, features.shape[1])
    solution = solve_head(describe_inputs(task, settings, features, groups))
    assert inputs.states is not None
    what = "features" if inputs.states.layout.offsets is None else "mean over the tokens of each row"
    line = f"\nBeside the training, on the stored {what}. {describe_solution(solution)}"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    report_solved(task, settings, Solved(solution, features, groups), console, label_issues)
    return solution
