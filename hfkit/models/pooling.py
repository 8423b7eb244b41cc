"""From the last hidden states of an encoder to the one vector that a linear head stands on."""

import torch
from transformers import PreTrainedConfig

from .encoders import is_causal, is_t5_like
from .padding import last_position

POOLINGS = ("mean", "first", "last", "pooler")
"""`pooler` is the encoder's own layer on its first token; the others need no weights."""

DESCRIPTIONS = {
    "mean": "the mean of the tokens' states",
    "first": "the first token's state",
    "last": "the last token's state",
    "pooler": "the pooler's output",
}


def default_pooling(config: PreTrainedConfig, has_pooler: bool) -> tuple[str, str]:
    """Return the pooling for an encoder that records none, and the reason.

    Args:
        config: Of the encoder.
        has_pooler: Whether its checkpoint fills a pooler.

    """
    if is_causal(config):
        return "last", "in a causal model only the last token has seen all others"
    if is_t5_like(config):
        return "mean", "the encoder has no token that stands for the whole text"
    return ("pooler", "pretrained with the encoder") if has_pooler else ("first", "no pretrained pooler")


def pool(states: torch.Tensor, mask: torch.Tensor | None, pooling: str) -> torch.Tensor:
    """Map hidden states to one vector a row; padding on the right has no part in it.

    Args:
        states: (batch, tokens, width).
        mask: (batch, tokens), 1 on real tokens; None: all are real.
        pooling: `mean`, `first` or `last`.

    Returns:
        (batch, width) in the type of `states`.

    """
    if pooling == "first":
        return states[:, 0]
    if mask is None:
        return states.mean(dim=1) if pooling == "mean" else states[:, -1]
    if pooling == "last":
        return states[torch.arange(states.shape[0], device=states.device), last_position(mask)]
    weights = (mask != 0).float()[:, :, None]  # half precision would round a long sum
    return ((states.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)).to(states.dtype)
