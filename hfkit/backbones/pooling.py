"""Which pooling a linear head gets where `--pooling` is not given, and why."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig
from transformers.utils import cached_file

from ..errors import UserError
from ..models.encoders import is_causal, read_encoder_config
from ..models.pooling import POOLINGS, default_pooling

POOLING_FILE = "1_Pooling/config.json"
"""Where sentence-transformers records the pooling that an encoder was trained with."""

_RECORDED = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
    "mean": "mean",
    "cls": "first",
    "lasttoken": "last",
}
"""Its modes, as older and newer versions write them, and ours."""


FROM_RUN = "as in the run's start"
"""Why a head has its pooling where an earlier run had chosen it, and nobody gave it."""


def choose_pooling(
    named: str | None, source: str, revision: str | None, is_frozen: bool, is_given: bool
) -> tuple[str | None, str]:
    """Return the pooling for a linear head, and the reason; None where it depends on the encoder's weights.

    Args:
        named: `--pooling`.
        source: Folder or Hub id of the encoder.
        revision: Branch, tag or commit of a Hub id.
        is_frozen: Whether nothing of the encoder trains.
        is_given: Whether a named pooling was given; otherwise the run that this one repeats had chosen it.

    Raises:
        UserError: The encoder's record of its pooling cannot be read.

    """
    if named is not None:
        return named, "given" if is_given else FROM_RUN
    recorded = recorded_pooling(source, revision)
    if recorded is not None:
        return recorded
    if is_frozen and not is_causal(read_encoder_config(source, revision)):
        return "mean", "default on a frozen encoder"
    return None, ""


def explain_default(config: PreTrainedConfig, pooling: str | None) -> str:
    """Return why the class chose a pooling where none was given or recorded."""
    return default_pooling(config, pooling == "pooler")[1]


def recorded_pooling(source: str, revision: str | None = None) -> tuple[str, str] | None:
    """Return the pooling that a sentence encoder records beside its weights, and the reason; None where there is no record.

    Raises:
        UserError: The record cannot be read.

    """
    file = cached_file(
        source,
        POOLING_FILE,
        revision=revision or "main",
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if file is None:
        return None
    try:
        modes = _modes(json.loads(Path(file).read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{POOLING_FILE} of {source} cannot be read: mend it, or write --pooling {' or '.join(POOLINGS)}."
        ) from error
    if len(modes) == 1 and modes[0] in _RECORDED:
        return _RECORDED[modes[0]], f"recorded by the sentence encoder in {POOLING_FILE}"
    return "mean", f"in place of {' and '.join(modes) or 'no mode'} in {POOLING_FILE}, which hfkit does not have"


def _modes(record: dict[str, Any]) -> list[str]:
    """Return the modes of a record: those switched on, or the one that is named."""
    named = record.get("pooling_mode")
    if named is not None:
        return [str(name) for name in named] if isinstance(named, list) else str(named).split("+")
    return [key for key, value in record.items() if key.startswith("pooling_mode_") and value]
