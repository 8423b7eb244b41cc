"""A backbone that a stranger named, loaded once where it can do no harm."""

from ..backbones.families import is_checkpoint
from ..errors import UserError
from .fetch import fetch_model, list_sizes
from .limited_process import run_limited
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
    try:
        run_limited(look_at_backbone, (fetch_model(name, commit, sizes, endings), task), weight_bytes)
    except UserError as error:
        raise UserError(f"The backbone {name} of that run does not load ({error}): nothing is run.") from error
    return commit
