"""A solved run whose main process cannot solve: each process writes what it raised."""

import os
import sys
from typing import NoReturn

from hfkit.errors import UserError
from hfkit.tasks.text import train_texts
from hfkit.training import solver


def fail(*_: object) -> NoReturn:
    """Stand for a problem that the main process alone finds."""
    raise UserError("There is no such head.")


def main(argv: list[str]) -> None:
    """Run with these flags."""
    solver.solve_head = fail  # type: ignore[assignment]
    try:
        train_texts(argv)
    except UserError as error:
        print(f"Process {os.environ['RANK']}: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
