"""How large what a stranger's flags ask for may be, where a pushed run is run again unseen."""

from collections.abc import Mapping
from typing import Any

from ..errors import UserError
from ..flags.configuration import CONFIGURATION_FILE

_LARGEST: dict[str, int] = {
    **{"head_hidden_size": 4096, "head_layers": 8, "lora_rank": 512, "ngrams": 8, "cache_views": 100},
    **{"max_length": 8192, "image_size": 1024, "token_learner_tokens": 1024},
    **dict.fromkeys(("per_device_train_batch_size", "per_device_eval_batch_size"), 1024),
    **{"gradient_accumulation_steps": 4096, "num_train_epochs": 1000, "max_steps": 1_000_000},
}
"""What memory and time grow with, and how large it may be where a stranger chose it; who wants more trains by the recipe."""


def check_sizes(flags: Mapping[str, Any]) -> None:
    """Refuse flags of a stranger by which a training here would take all memory, or no end.

    Raises:
        UserError: One is larger than any that is run unseen.

    """
    for flag in _LARGEST.keys() & flags.keys():
        for value in flags[flag] if isinstance(flags[flag], list) else [flags[flag]]:
            try:
                is_small = float(value) <= _LARGEST[flag]
            except OverflowError:
                is_small = False
            except (ValueError, TypeError):  # a word, or what the recipe refuses
                continue
            if not is_small:
                raise UserError(
                    f"{CONFIGURATION_FILE} there has {flag} {str(value)[:40]}, and at most {_LARGEST[flag]:,} is run "
                    "again unseen: train by the recipe if you mean it."
                )
