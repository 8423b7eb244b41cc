"""Where the real tokens of a batch are: rows padded on either side, rows without a token, and rows in windows of tokens."""

from collections.abc import Callable

import torch
from torch.nn import functional


def move_to_the_left(
    inputs: dict[str, torch.Tensor], mask: torch.Tensor
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Turn rows that are padded on the left into rows padded on the right, as positions and heads count from the first token.

    Args:
        inputs: Tensors of (batch, tokens), by name.
        mask: (batch, tokens), 1 on real tokens.

    Returns:
        The inputs and the mask, each row rotated to begin with its first real token. A row without any counts as one
        token long: what an empty text is for a tokenizer that adds no special tokens.

    """
    positions = torch.arange(mask.shape[1], device=mask.device)
    first = (mask != 0).int().argmax(dim=1, keepdim=True)
    order = positions + first
    # What a remainder would do, whose divisor the exporter to ONNX takes for a constant.
    order = torch.where(order < mask.shape[1], order, order - mask.shape[1])
    mask = mask.gather(1, order)
    is_empty = (mask != 0).sum(dim=1, keepdim=True) == 0
    mask = torch.where(is_empty & (positions == 0), torch.ones_like(mask), mask)
    return {name: tensor.gather(1, order) for name, tensor in inputs.items()}, mask


def last_position(mask: torch.Tensor) -> torch.Tensor:
    """Return the position (batch,) of the last real token of each row of `mask` (batch, tokens)."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    return ((mask != 0) * positions).amax(dim=1)


def in_windows(
    encode: Callable[[dict[str, torch.Tensor]], torch.Tensor], inputs: dict[str, torch.Tensor], length: int
) -> torch.Tensor:
    """Return the mean (batch, width) over the windows of each row of what `encode` makes of each; arguments as `fold_windows`."""
    if inputs["attention_mask"].shape[1] <= length and not torch.compiler.is_exporting():
        return encode(inputs)
    windows, is_filled = fold_windows(inputs, length)
    return average_windows(encode(windows), is_filled)


def fold_windows(inputs: dict[str, torch.Tensor], length: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the windows of the rows of a batch as rows.

    Args:
        inputs: Tensors of (batch, tokens), `attention_mask` (1 on real tokens) among them.
        length: Tokens of a window.

    Returns:
        Tensors of (batch * windows, length), and which windows have a token (batch, windows). One that has none has one all the
        same, for an encoder makes no number of nothing.

    """
    batch, tokens = inputs["attention_mask"].shape
    windows = (tokens + length - 1) // length
    folded = {
        name: functional.pad(tensor, (0, windows * length - tokens)).reshape(batch * windows, length)
        for name, tensor in inputs.items()
    }
    mask = folded["attention_mask"]
    is_filled = (mask != 0).any(dim=1, keepdim=True)
    first = torch.arange(length, device=mask.device) == 0
    folded["attention_mask"] = torch.where(~is_filled & first, torch.ones_like(mask), mask)
    return folded, is_filled.reshape(batch, windows)


def average_windows(features: torch.Tensor, is_filled: torch.Tensor) -> torch.Tensor:
    """Return the mean (batch, width) over the windows of each row that have a token, of (batch * windows, width)."""
    features = features.reshape(*is_filled.shape, features.shape[-1])
    summed = torch.where(is_filled[..., None], features, 0.0).sum(dim=1)
    return summed / is_filled.sum(dim=1, keepdim=True).clamp(min=1)
