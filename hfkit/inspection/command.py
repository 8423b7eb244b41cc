"""The command that trains on data as they were inspected."""

import shlex
from dataclasses import fields
from typing import Any

from ..flags.arguments import DataArguments

BACKBONES = {"text": "minilm", "image": "efficientnet_lite0"}
"""Small ones, whose weights come from a package: enough for a first run."""


def make_command(task: str, arguments: DataArguments) -> tuple[dict[str, Any], str]:
    """Return the flags of the data that are not as by default, and the command line.

    Args:
        task: `text` or `image`.
        arguments: What was given.

    """
    flags = {
        item.name: getattr(arguments, item.name)
        for item in fields(arguments)
        if not _is_default(item, getattr(arguments, item.name))
    }
    command = ["hfkit", "train", task]
    for name, value in flags.items():
        values = value if isinstance(value, list) else [value]
        command += [f"--{name}", *(str(each).lower() if isinstance(each, bool) else str(each) for each in values)]
    command += ["--backbone", BACKBONES[task], "--unfreeze_from", "none"]
    return flags, shlex.join(command)


def _is_default(item: Any, value: Any) -> bool:
    default = item.default_factory() if callable(item.default_factory) else item.default
    return bool(value == default)
