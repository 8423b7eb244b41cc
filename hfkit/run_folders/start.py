"""What a run was started with: its id, and the hashes of its data; a run that is continued is compared with it."""

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_file
from .state import READING_ERRORS, START_FILE, SUMS_FILE, find_checkpoints, read_json


def write_start_record(run: Path, data: dict[str, Any]) -> None:
    """Write a new id and the hashes of the data, see `hfkit.data.data_hashes`, into a run's folder."""
    write_file(run / START_FILE, json.dumps({"run": secrets.token_hex(8), "data": data}, indent=2) + "\n")


def read_start_record(run: Path) -> tuple[str, dict[str, Any] | None]:
    """Return the id of a run and the hashes of its data, which are None where the file is gone.

    The id is that of its checkpoints then; empty where they have none, as those of an earlier version.

    Raises:
        UserError: The file is damaged.

    """
    if not (run / START_FILE).is_file():
        return _find_id(run), None
    try:
        content = read_json(run / START_FILE)
        return str(content["run"]), dict(content["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{run / START_FILE} is damaged, so that nobody can tell whether the data are still those of the run's start: "
            "delete it to continue without that check."
        ) from error


def _find_id(run: Path) -> str:
    """Return the id that stands in a run's last checkpoint which has one; else an empty text."""
    for checkpoint in reversed(find_checkpoints(run)):
        with suppress(*READING_ERRORS):
            run_id = read_json(checkpoint.folder / SUMS_FILE).get("run")
            if run_id:
                return str(run_id)
    return ""
