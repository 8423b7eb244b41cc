"""The trainings of a ladder, one after the other in this process: what is read for one can serve the next.

A process of its own for each would load torch and read the data again, several seconds a rung, which is more than the cheap
rungs themselves take.
"""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.modality import Modality
from ..flags.kinds import Arguments
from ..machine import give_back_memory
from ..task import Task
from ..tasks import image, text
from ..tasks.train import prepare_task
from ..training.cost import Cost, estimate_cost
from ..training.run import train_classifier
from ..training.shared_pass import share_pass

_READ: dict[Modality, Callable[[Sequence[str]], tuple[Any, str]]] = {
    "text": text.read_text_flags,
    "image": image.read_image_flags,
}
_MAKE: dict[Modality, Callable[[Any], Task]] = {"text": text.make_text_task, "image": image.make_image_task}


@dataclass(frozen=True)
class Prepared:
    """A task that is ready to be trained.

    Attributes:
        arguments: The flags.
        task: Model and data.
        seconds: What reading the data and loading the model took.

    """

    arguments: Arguments[Any, Any]
    task: Task
    seconds: float


def prepare(modality: Modality, argv: Sequence[str], log: Path) -> Prepared:
    """Read flags and data, and load the model; what is printed goes into a log.

    Raises:
        UserError: As the recipe.

    """
    started = time.perf_counter()
    with printing_to(log):
        arguments, line = _READ[modality](argv)
        task = prepare_task(arguments, line, _MAKE[modality])
    return Prepared(arguments, task, time.perf_counter() - started)


def estimate(prepared: Prepared) -> Cost:
    """Say what a training will take."""
    return estimate_cost(prepared.task, prepared.arguments)


def share(prepared: Sequence[Prepared], log: Path) -> list[bool]:
    """Run the frozen layers once for several trainings; see `share_pass`."""
    with printing_to(log):
        return share_pass([(item.task, item.arguments) for item in prepared])


def train(prepared: Prepared, folder: Path, log: Path) -> None:
    """Train in a folder, as the recipe does; what is printed goes into a log.

    Raises:
        UserError: As the recipe.

    """
    with printing_to(log):
        train_classifier(prepared.task, replace(prepared.arguments, given_output_dir=str(folder)), "rung")


def release() -> None:
    """Give back what a training leaves in memory, once nothing names it any more."""
    give_back_memory()


@contextlib.contextmanager
def printing_to(log: Path) -> Iterator[None]:
    """Let what a run prints go to the end of a log: it has scores of test, which nobody shall see before the end.

    Progress bars go on where the terminal shows them.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, contextlib.ExitStack() as stack:
        file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        stack.enter_context(contextlib.redirect_stdout(file))
        if not sys.stderr.isatty():
            stack.enter_context(contextlib.redirect_stderr(file))
        stack.enter_context(warnings.catch_warnings())
        # Of pyarrow's, raised inside of datasets, which the user can do nothing about.
        warnings.filterwarnings("ignore", "Specifying null_placement in SortOptions", FutureWarning)
        yield
