"""The hidden states that a head of several layers reads, and an encoder without the layers behind the last of them."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig

from .encoders import auto_class, is_causal
from .execution_order import ExecutionOrder, probing
from .layer_groups import LayerReport, time_call
from .pooling import pool

LAYER_POOLINGS = ("mean", "first", "last")
"""How the hidden state of a layer becomes one vector."""


def count_layers(config: PreTrainedConfig) -> int:
    """Return how many layers the encoder of a configuration has."""
    return int(config.num_hidden_layers)


def default_poolings(config: PreTrainedConfig) -> list[str]:
    """Return how each layer is pooled where nothing is named: the last token of a causal model has seen all others."""
    return ["mean", "last"] if is_causal(config) else ["mean", "first"]


def complete_layers(
    encoder: PreTrainedConfig, layers: Sequence[int] | None, poolings: Sequence[str] | None
) -> tuple[list[int], list[str]]:
    """Return the layers that a head reads and how each is pooled, both by default where they are None.

    Args:
        encoder: Its configuration.
        layers: Numbers of hidden states, 0 for the output of the embeddings; default: all.
        poolings: Of `mean`, `first` and `last`; default: `default_poolings`.

    Raises:
        ValueError: There is no such layer or pooling, none at all, or one twice.

    """
    last = count_layers(encoder)
    chosen = list(range(last + 1)) if layers is None else list(layers)
    if not chosen or len(set(chosen)) < len(chosen) or not all(layer in range(last + 1) for layer in chosen):
        shown = " ".join(map(str, chosen)) or "empty"
        raise ValueError(
            f"layers is {shown}: write different numbers from 0 (the embeddings) to {last} (the last layer)"
        )
    ways = default_poolings(encoder) if poolings is None else list(poolings)
    if not ways or len(set(ways)) < len(ways) or not set(ways) <= set(LAYER_POOLINGS):
        raise ValueError(f"poolings is {' '.join(ways) or 'empty'}: write one or more of {', '.join(LAYER_POOLINGS)}")
    return chosen, ways


def pool_layers(
    outputs: Any, mask: torch.Tensor | None, layers: Sequence[int], poolings: Sequence[str], total: int
) -> torch.Tensor:
    """Map the hidden states of chosen layers to one vector a row.

    Args:
        outputs: What the encoder gave, with `hidden_states`.
        mask: (batch, tokens), 1 on real tokens; None: all are real.
        layers: Numbers of the hidden states.
        poolings: Of each of them, in this order.
        total: How many layers the encoder has.

    Returns:
        (batch, layers * poolings * width).

    Raises:
        ValueError: The states are not one for each layer, or not of one width for each token.

    """
    states = outputs.hidden_states or ()
    shape = outputs.last_hidden_state.shape
    if len(states) != total + 1 or any(state.shape != shape for state in states):
        shapes = ", ".join(sorted({str(tuple(state.shape)) for state in states})) or "none"
        raise ValueError(
            f"a head of several layers needs {total + 1} hidden states of the shape {tuple(shape)}, and the encoder gives "
            f"{len(states)} of {shapes}"
        )
    return torch.cat([pool(states[layer], mask, pooling) for layer in layers for pooling in poolings], dim=1)


def build_encoder(config: PreTrainedConfig, has_pooler: bool, final_norm: bool) -> Any:
    """Build an empty encoder.

    Args:
        config: Of the encoder.
        has_pooler: Whether a pooler of its own is kept.
        final_norm: False: the norm behind its last layer is replaced by the identity.

    Raises:
        ValueError: There is no such norm.

    """
    encoder: Any = auto_class(config).from_config(config, trust_remote_code=False)
    if not has_pooler and hasattr(encoder, "pooler"):
        encoder.pooler = None
    if not final_norm:
        name = find_final_norm(encoder)
        if name is None:
            raise ValueError(f"final_norm is false, but a {config.model_type} model has no norm behind its layers")
        encoder.set_submodule(name, nn.Identity())
    return encoder


def find_final_norm(encoder: nn.Module) -> str | None:
    """Name the norm that stands beside the list of layers, behind it where there are several; None where that is none.

    Whether it runs behind the last layer is for `runs_behind` to say.
    """
    for path, parent in encoder.named_modules():
        children = list(parent.named_children())
        lists = [number for number, (_, child) in enumerate(children) if isinstance(child, nn.ModuleList)]
        if not lists:
            continue
        norms = [
            (number, name) for number, (name, child) in enumerate(children) if "norm" in type(child).__name__.lower()
        ]
        behind = [(number, name) for number, name in norms if number > lists[-1]] or norms
        return f"{path}.{behind[0][1]}".lstrip(".") if len(behind) == 1 else None
    return None


def runs_behind(order: ExecutionOrder, name: str) -> bool:
    """Tell whether the module `name` runs once, on the states of the batch, behind all items of the list beside it."""
    parent = name.rpartition(".")[0]
    prefix = f"{parent}." if parent else ""
    calls = [call for call in order.calls if call.module == name]
    beside = [
        call for call in order.calls if call.module.startswith(prefix) and call.module[len(prefix) :].count(".") == 1
    ]
    ended = max((call.ended for call in beside if call.module.rpartition(".")[2].isdigit()), default=-1)
    return len(calls) == 1 and calls[0].gives_states and calls[0].started > ended


def cut_config(config: PreTrainedConfig, layers: int) -> PreTrainedConfig:
    """Return a copy of an encoder's configuration with so many layers, and its lists of one value a layer cut, too."""
    total, cut = count_layers(config), copy.deepcopy(config)
    for name, value in vars(config).items():
        if isinstance(value, list | tuple) and len(value) == total and ("layer" in name or name == "attention_window"):
            setattr(cut, name, value[:layers])
    cut.num_hidden_layers = layers
    return cut


@torch.no_grad()
def copy_encoder(source: nn.Module, target: nn.Module) -> None:
    """Copy the weights and buffers of an encoder into one with fewer layers, with their device, type and `requires_grad`.

    Raises:
        ValueError: The smaller one has a tensor that the larger one lacks, or of another shape.

    """
    state = source.state_dict()
    own = target.state_dict()
    if not all(key in state and state[key].shape == own[key].shape for key in own):
        raise ValueError("the encoder with fewer layers has other tensors")
    first = next(source.parameters())
    target.to(first.device, first.dtype)
    target.load_state_dict({key: state[key] for key in own})
    trains = {name: parameter.requires_grad for name, parameter in source.named_parameters()}
    for name, parameter in target.named_parameters():
        parameter.requires_grad = trains[name]
    buffers = dict(source.named_buffers())
    for name, buffer in target.named_buffers():  # those that no checkpoint holds, too
        if name in buffers and buffers[name].shape == buffer.shape:
            buffer.copy_(buffers[name])


def drop_layers(model: Any) -> LayerReport | None:
    """Cut the layers off that a text classifier with a head `layers` does not read; see `TextClassifier.drop_unused_layers`."""
    config, encoder = model.config, model.backbone
    whole = config.backbone_config, config.final_norm
    total, kept = count_layers(config.backbone_config), max(*config.layers, 1)
    if kept == total:
        return None
    norm = find_final_norm(encoder)
    is_behind = norm is not None and runs_behind(model.execution_order(), norm)
    before, reason, seconds = sum(parameter.numel() for parameter in model.parameters()), "", 0.0
    with torch.no_grad(), probing(model):
        inputs = model.probe_inputs()
        features = model.features(**inputs)
        whole_seconds = time_call(lambda: model.features(**inputs))
        try:
            config.backbone_config = cut_config(config.backbone_config, kept)
            config.final_norm = config.final_norm and not is_behind
            model.backbone = model._build_encoder().eval()
            copy_encoder(encoder, model.backbone)
            torch.testing.assert_close(model.features(**inputs), features, rtol=1e-5, atol=1e-6)
            seconds = time_call(lambda: model.features(**inputs))
        except AssertionError:
            reason = "without those that the head does not read it would get other features"
        except _CANNOT_CUT as error:
            reason = f"{type(encoder).__name__} has no part of its layers alone ({' '.join(str(error).split())})"
    if reason:
        model.backbone = encoder
        config.backbone_config, config.final_norm = whole
    model.forget_execution_order()
    model.train(model.training)
    after = sum(parameter.numel() for parameter in model.parameters())
    layers = total if reason else kept
    return LayerReport(layers, total - layers, after, before - after, reason, (whole_seconds, seconds))


_CANNOT_CUT = (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What an encoder raises that cannot be built, or run, with fewer layers."""
