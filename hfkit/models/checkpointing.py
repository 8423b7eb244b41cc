"""Activation checkpointing: parts of a net keep nothing in training, and the backward pass computes them once more."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Checkpoint = Callable[..., Any]
"""`torch.utils.checkpoint.checkpoint` with its options, as transformers hands it to a model."""


class Recomputation:
    """Runs a function so that its activations are computed again in the backward pass (Chen et al., arXiv 1604.06174).

    BatchNorm would count each batch twice in its running mean and variance, once in each pass: in the second they stay.

    Args:
        checkpoint: What transformers hands over.
        backbone: The net whose parts are run.

    """

    def __init__(self, checkpoint: Checkpoint, backbone: nn.Module) -> None:
        self.checkpoint = checkpoint
        self.norms = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]

    def __call__(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """Return what `function` gives for `inputs`; a plain call where there is no backward pass to come."""
        if not torch.is_grad_enabled():
            return function(*inputs)
        options = {"context_fn": self._contexts} if self.norms else {}
        return self.checkpoint(function, *inputs, **options)

    def chain(self, parts: Sequence[Callable[..., Any]], skipped: Sequence[int], states: torch.Tensor) -> torch.Tensor:
        """Apply functions one after the other, each checkpointed by itself; one whose `skipped` is not 0 runs plainly."""
        for part, skip in zip(parts, skipped, strict=True):
            states = part(states) if skip else self(part, states)
        return states

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """Return what surrounds the forward pass and its repetition."""
        return nullcontext(), _statistics_kept(self.norms)


@contextmanager
def _statistics_kept(norms: list[_BatchNorm]) -> Iterator[None]:
    """Let BatchNorm normalise by the batch as before, but leave its running statistics and its counter as they are."""
    counting = [norm for norm in norms if norm.training and norm.track_running_stats]
    before = [(norm.momentum, norm._buffers.get("num_batches_tracked")) for norm in counting]
    for norm in counting:
        norm.momentum = 0.0
        norm._buffers["num_batches_tracked"] = None
    try:
        yield
    finally:
        for norm, (momentum, counter) in zip(counting, before, strict=True):
            norm.momentum = momentum
            norm._buffers["num_batches_tracked"] = counter


def can_checkpoint(net: nn.Module, in_steps: bool) -> bool:
    """Whether a timm net knows activation checkpointing; one that does it inside of its own code must have no BatchNorm.

    It would count each batch twice in BatchNorm's running mean and variance.

    Args:
        net: A timm net.
        in_steps: Whether its blocks are run one by one, where `Recomputation` keeps the statistics.

    """
    by_us = in_steps and hasattr(net, "grad_checkpointing")
    if not by_us and any(isinstance(module, _BatchNorm) for module in net.modules()):
        return False
    try:
        net.set_grad_checkpointing(True)  # type: ignore[operator]
        net.set_grad_checkpointing(False)  # type: ignore[operator]
    except (AttributeError, AssertionError, NotImplementedError):  # how timm's nets say that they cannot
        return False
    return True


class CheckpointedForward:
    """The `forward` of a layer that does not checkpoint itself; `wrap_layers` puts it in its place.

    Args:
        layer: A module of the backbone.
        recompute: How it is run in training.

    """

    def __init__(self, layer: nn.Module, recompute: Recomputation) -> None:
        self.layer, self.recompute = layer, recompute

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """Run the layer."""
        forward = type(self.layer).forward
        if not self.layer.training:
            return forward(self.layer, *inputs)
        return self.recompute(forward, self.layer, *inputs)


def layers_without_checkpointing(backbone: nn.Module) -> list[nn.Module]:
    """Return the repeated layers of a transformers net that does not checkpoint its layers itself.

    They are the innermost of those that the net does not let be split over devices (`_no_split_modules`), in lists of layers.
    """
    names = set(getattr(backbone, "_no_split_modules", None) or ())
    lists = [module for module in backbone.modules() if isinstance(module, nn.ModuleList | nn.Sequential)]
    layers = [layer for layers in lists for layer in layers if type(layer).__name__ in names]
    return [layer for layer in layers if not any(type(inner).__name__ in names for inner in list(layer.modules())[1:])]


def wrap_layers(layers: list[nn.Module], recompute: Recomputation | None, every: int = 1) -> None:
    """Checkpoint every so-many-th layer, or with None undo it."""
    for number, layer in enumerate(layers):
        layer.__dict__.pop("forward", None)
        if recompute is not None and number % every == 0:
            layer.forward = CheckpointedForward(layer, recompute)  # type: ignore[method-assign, assignment]
