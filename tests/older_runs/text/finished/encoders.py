"""The encoder under a text classifier: loading it strictly, what goes into one of its layers, and a batch in parts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, AutoModel, PreTrainedModel


def load_encoder(source: str, revision: str | None = None) -> tuple[PreTrainedModel, bool]:
    """Load the bare encoder of `source` in float32; also tell whether its checkpoint fills the pooler.

    Raises:
        ValueError: `source` is no encoder, or its checkpoint lacks weights other than the pooler's.

    """
    # Without a dtype a half-precision checkpoint would be trained in half precision.
    # Without trust_remote_code=False transformers would ask a person at a terminal whether to run a stranger's code.
    encoder, loading = AutoModel.from_pretrained(
        source,
        revision=revision or "main",
        dtype=torch.float32,
        output_loading_info=True,
        trust_remote_code=False,
    )
    config = encoder.config
    is_decoder = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING
    if config.is_encoder_decoder or is_decoder:
        raise ValueError(f"{source} is a {config.model_type} model and no encoder such as bert-base-uncased.")
    missing = sorted(key for key in loading["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(f"The checkpoint {source} lacks weights of its encoder: {', '.join(missing[:5])}.")
    return encoder, not loading["missing_keys"]


def input_of(module: nn.Module, encoder: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Run `encoder` until `module` is called, and return the states that it is called with."""
    found: list[torch.Tensor] = []

    def stop(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        """Keep the states and end the pass."""
        found.append(arguments[0])
        raise _ReachedError

    handle = module.register_forward_pre_hook(stop)
    try:
        encoder(**inputs)
    except _ReachedError:
        pass
    finally:
        handle.remove()
    return found[0]


def by_length(encode: Callable[..., torch.Tensor], inputs: dict[str, torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
    """Return what `encode` makes of a batch, computed in parts of similar length, each without the others' padding.

    Gradients and order are those of the whole batch, so that its rows can be random ones. One that is no larger than a part
    is computed as it is.

    Args:
        encode: Maps a part of the inputs, by name, to (rows, width) or (rows, tokens, width).
        inputs: Tensors of (batch, tokens, ...).
        mask: (batch, tokens), 1 on real tokens.

    """
    rows = rows_of_a_part(mask.device)
    if len(mask) <= rows:
        return encode(**inputs)
    positions = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    lengths = ((mask != 0) * positions).amax(dim=1).clamp(min=1)  # where the last real token ends
    order = lengths.argsort(descending=True, stable=True)
    parts = torch.split(order, rows)
    longest = lengths[torch.stack([part[0] for part in parts])].tolist()
    found = [
        encode(**{name: tensor[part, :length] for name, tensor in inputs.items()})
        for part, length in zip(parts, longest, strict=True)
    ]
    if found[0].ndim == 3:
        found = [functional.pad(states, (0, 0, 0, longest[0] - states.shape[1])) for states in found]
    return torch.cat(found)[order.argsort()]


def rows_of_a_part(device: torch.device) -> int:
    """Return how many rows `by_length` computes at once: 8 on a CPU, where 8 is the fastest; 16 on a GPU, which wants more."""
    return 8 if device.type == "cpu" else 16


class _ReachedError(Exception):
    """Ends a forward pass in front of a module."""
