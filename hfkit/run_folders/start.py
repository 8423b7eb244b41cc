"""What a run was started with: its id, the hashes of its data, and of its flags; a run that is continued is compared with it."""

import hashlib
import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import write_file
from ..flags.configuration import CONFIGURATION_FILE
from .state import READING_ERRORS, START_FILE, SUMS_FILE, find_checkpoints, read_json

_FLAGS = "configuration"


def write_start_record(run: Path, data: dict[str, Any]) -> None:
    """Write a new id, the hashes of the data, see `hfkit.data.data_hashes`, and that of `hfkit.yaml` into a run's folder."""
    content = {"run": secrets.token_hex(8), "data": data, _FLAGS: [_hash((run / CONFIGURATION_FILE).read_bytes())]}
    write_file(run / START_FILE, json.dumps(content, indent=2) + "\n")


def allow_configuration(run: Path, text: str) -> None:
    """Add the hash of the `hfkit.yaml` that a continued run is about to write; a kill before that leaves the file of before."""
    content = read_json(run / START_FILE)
    if _FLAGS in content and _hash(text.encode()) not in content[_FLAGS]:
        content[_FLAGS] = [*content[_FLAGS], _hash(text.encode())]
        write_file(run / START_FILE, json.dumps(content, indent=2) + "\n")


def check_configuration(run: Path) -> None:
    """Compare `hfkit.yaml` with what a run wrote; where `start.json` does not tell, as of earlier versions, nothing is checked.

    Raises:
        UserError: It is another one, by which the run would go on in another way.

    """
    hashes = read_json(run / START_FILE).get(_FLAGS) if (run / START_FILE).is_file() else None
    if hashes is not None and _hash((run / CONFIGURATION_FILE).read_bytes()) not in hashes:
        raise UserError(
            f"{run / CONFIGURATION_FILE} is not what the run wrote, and it would go on with other flags: take the file from a "
            f"copy, or delete {START_FILE} there to continue without that check."
        )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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
        list(content.get(_FLAGS, []))
        if content.keys() - {"run", "data", _FLAGS}:
            raise ValueError("it holds more than was written")
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
