"""A run by the flags of a stranger: it is begun, goes on from its checkpoint, begins anew without one, or is finished already."""

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..flags.kinds import IMAGE, TEXT, Arguments, Kinds
from ..flags.parsing import find_difference, parse_arguments
from ..hub.strange_flags import check_times
from ..run_folders.new_folder import set_aside
from ..run_folders.state import find_checkpoints, read_finished
from . import image, text
from .train import train

_RECIPES: dict[str, tuple[Kinds[Any, Any], Any, Any]] = {
    "text-classification": (TEXT, text.read_text_flags, text.make_text_task),
    "image-classification": (IMAGE, image.read_image_flags, image.make_image_task),
}
"""The flags of each task, what reads them, and what makes a task of them."""


def find_begun(folder: Path) -> dict[str, Any]:
    """Return the flags of the run that was begun in a folder; nothing where there is none.

    Raises:
        UserError: They cannot be read.

    """
    file = folder / CONFIGURATION_FILE
    return read_configuration(file).flags if file.is_file() else {}


def run_again(argv: list[str], task: str, folder: Path) -> dict[str, float]:
    """Train by a command line in a folder; go on with the run that was begun there, or take the results of a finished one.

    Args:
        argv: Flags without those of the folder.
        task: Of `pipeline()`.
        folder: Of the run.

    Returns:
        The results, as in `all_results.json`.

    Raises:
        UserError: The folder holds another run, or one that cannot be continued; evaluations, checkpoints or lines of the log
            would be too many; or as `train`.

    """
    kinds, read_flags, make_task = _RECIPES[task]
    argv = [*argv, "--output_dir", str(folder)]
    if find_begun(folder):
        difference = find_difference(parse_arguments(argv, (), kinds), folder)
        if difference:
            raise UserError(f"{folder} holds another run: it was started with {difference}; name another --output_dir.")
        results = read_finished(folder)
        if results is not None:
            return results
        if find_checkpoints(folder):
            argv += ["--resume_from_checkpoint", "true"]
        else:
            print(f"{folder} has no checkpoint to go on from: it is now {set_aside(folder)}, and the run begins anew.")

    def make_bounded(arguments: Arguments[Any, Any]) -> Any:
        made = make_task(arguments)
        check_times(arguments.training, len(made.rows["train"]))
        return made

    arguments, first_line = read_flags(argv)
    return train(arguments, first_line, make_bounded, None)[1]
