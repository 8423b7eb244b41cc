"""`hfkit.yaml`: the flags that rerun a run, and apart from them what the run filled in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..errors import UserError
from ..files import write_file
from .yaml_flags import LARGEST_FILE, parse_flags

CONFIGURATION_FILE = "hfkit.yaml"
FILLED_IN = "filled_in"
"""The key under which the file holds what was not given and what the run chose by model, data and machine."""

_HEADER = "# Reruns this run: --config with this file.\n"
_FILLED_IN_HEADER = """\
# Not given, and chosen by model, data and machine.
# With another backbone, head, unfreeze_from or peft on the command line these do not hold, and are chosen again.
"""


@dataclass(frozen=True)
class Configuration:
    """The content of a configuration file.

    Attributes:
        flags: Flags by name: given ones, and hfkit's own defaults.
        filled_in: What the run chose where nothing was given, such as the learning rates.

    """

    flags: dict[str, Any]
    filled_in: dict[str, Any] = field(default_factory=dict)

    def text(self, header: str = _HEADER) -> str:
        """Return the file's content."""
        text = header + _dump(self.flags)
        return text + _FILLED_IN_HEADER + _dump({FILLED_IN: self.filled_in}) if self.filled_in else text


def _dump(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=True, allow_unicode=True) if content else ""


def write_configuration(folder: Path, configuration: Configuration) -> None:
    """Write `hfkit.yaml` into a run's folder."""
    write_file(folder / CONFIGURATION_FILE, configuration.text())


def read_configuration(path: Path) -> Configuration:
    """Read a configuration file; one without `filled_in`, which an earlier version or a person wrote, has flags alone.

    Raises:
        UserError: It is not there, is not YAML, or holds no flags.

    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UserError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    return parse_configuration(content, f"The configuration file {path}")


def parse_configuration(content: str | bytes, source: str) -> Configuration:
    """Part the content of a configuration file into flags and what was filled in.

    Args:
        content: Of the file.
        source: What messages call it, at the begin of a sentence.

    Raises:
        UserError: It is not YAML, or holds no flags.

    """
    flags = parse_flags(content, source, (FILLED_IN,))
    filled_in = flags.pop(FILLED_IN, {})
    columns = flags.get("text_column")
    if filled_in and isinstance(columns, list) and len(columns) == 2:
        flags.setdefault("pair", False)  # a run of a version that joined them
    return Configuration(flags, filled_in)
