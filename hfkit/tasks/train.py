"""What texts and images share: the flags, the task, and its run."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..backbones.continuing import filled_in_flags, take_from_saved_model
from ..data.bars import lines_above_bars
from ..flags.kinds import Arguments, Kinds
from ..flags.parsing import describe_run, parse_recipe
from ..flags.paths import PACKED_SUFFIXES, table_suffix
from ..flags.solver import choose_solver
from ..task import Task
from ..training.run import train_classifier
from ..training.start import start_run
from .certification import hold_out_certification

__all__ = ["hold_out_certification", "read_flags", "train"]


def read_flags(
    argv: Sequence[str] | None, kinds: Kinds[Any, Any], demo: Sequence[str], defaults: Sequence[str]
) -> tuple[Arguments[Any, Any], str]:
    """Read the flags of a run, and the first line of its log; a saved model as the backbone brings its settings.

    Args:
        argv: The command line; default: that of the process.
        kinds: The dataclasses of the flags: `TEXT` or `IMAGE`.
        demo: Flags that are added where neither backbone nor dataset is given.
        defaults: Flags that are added otherwise.

    Raises:
        UserError: A flag is not as it must be.

    """
    given, line = parse_recipe(argv, kinds, demo, defaults)
    arguments, solver = choose_solver(take_from_saved_model(given))
    line = line if arguments is given else describe_run(arguments)
    return arguments, f"{line} {solver}".strip()


@lines_above_bars()
def train(
    arguments: Arguments[Any, Any], first_line: str, make_task: Callable[[Arguments[Any, Any]], Task], name: str | None
) -> tuple[Path, dict[str, float]]:
    """Start a run, make its task, train it, and return its folder and the results.

    Args:
        arguments: The flags.
        first_line: Of the log.
        make_task: Reads the data and loads the model.
        name: What the name of a new run's folder begins with; None: what the data are called.

    Raises:
        UserError: A flag, the data or the backbone is not as it must be.

    """
    task = prepare_task(arguments, first_line, make_task)
    return train_classifier(task, arguments, name or name_after_data(arguments.data.dataset))


def name_after_data(dataset: str) -> str:
    """Return what a run on a dataset is called: `reviews` for `data/reviews.csv`, `imdb` for the Hub's `stanfordnlp/imdb`."""
    path = Path(dataset).expanduser()
    name = path.resolve().name if path.exists() else path.name
    packed = Path(name).suffix if Path(name).suffix.lower() in PACKED_SUFFIXES else ""
    name = name.removesuffix(packed)
    stem = name[: -len(Path(name).suffix)] if table_suffix(name) else name
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "run"


def prepare_task(
    arguments: Arguments[Any, Any], first_line: str, make_task: Callable[[Arguments[Any, Any]], Task]
) -> Task:
    """Start a run and make its task, with what was filled in for flags that were not given.

    Args:
        arguments: The flags.
        first_line: Of the log.
        make_task: Reads the data and loads the model.

    Raises:
        UserError: A flag, the data or the backbone is not as it must be.

    """
    start_run(arguments, first_line)
    task = make_task(arguments)
    chosen = {**filled_in_flags(arguments), **task.filled_in}
    filled_in = {flag: value for flag, value in chosen.items() if value is not None and flag not in arguments.given}
    return replace(task, filled_in=filled_in)
