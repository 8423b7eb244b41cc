"""A backbone that a stranger named, loaded once where it can do no harm."""

import sys

from ..backbones.families import is_checkpoint
from ..errors import UserError
from ..visible import say
from .fetch import fetch_model, list_sizes
from .limited_process import memory_remark, run_limited
from .look import look_at_backbone


def check_strange_backbone(name: str, revision: str | None, task: str) -> str | None:
    """Load a backbone that a stranger named once in a process with limits, where it is a repository on the Hub.

    Returns:
        Its commit, which is the one to train on; None: it is on no Hub.

    Raises:
        UserError: It does not load there.

    """
    if "/" not in name or (task == "image-classification" and not is_checkpoint(name)):
        return None
    commit, sizes = list_sizes(name, revision)
    endings = (".safetensors",) if any(file.endswith(".safetensors") for file in sizes) else (".bin",)
    weight_bytes = sum(size for file, size in sizes.items() if file.endswith(endings))
    if memory_remark():
        say(f"The backbone {name} is loaded once to see whether it does{memory_remark()}.", sys.stderr)
    try:
        run_limited(look_at_backbone, (fetch_model(name, commit, sizes, endings), task), weight_bytes)
    except UserError as error:
        raise UserError(f"The backbone {name} of that run does not load ({error}): nothing is run.") from error
    return commit
