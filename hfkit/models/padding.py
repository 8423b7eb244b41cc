"""Where the real tokens of a batch are: rows padded on either side, and rows without a token."""

import torch


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
