"""`hfkit.yaml`: the flags that rerun a run."""

from pathlib import Path
from typing import Any

import yaml

from ..files import write_file
from .arguments import Arguments

CONFIGURATION_FILE = "hfkit.yaml"


def write_configuration(folder: Path, arguments: Arguments[Any, Any]) -> None:
    """Write `hfkit.yaml`, the flags that rerun the run."""
    head = "# Reruns this run: --config with this file.\n"
    write_file(folder / CONFIGURATION_FILE, head + yaml.safe_dump(arguments.flags, sort_keys=True, allow_unicode=True))
