"""What a head of several layers reads of an image backbone: the pooled outputs of its modules, caught while it runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from .execution_order import Call, ExecutionOrder, TensorRecord
from .layer_groups import FeatureGroup, lay_out

FEATURES = "features"
"""Stands for what every other head stands on, beside the names of modules."""

OWN = "own"
"""How that is pooled: by the backbone itself."""

IMAGE_POOLINGS = ("mean", "first")
"""How the output of a module becomes one vector; a first token only where there are tokens."""

_LISTS = (nn.ModuleList, nn.Sequential)

KINDS = ("nchw", "nhwc", "tokens", FEATURES)
"""Where the channels of an output stand: in a grid behind the batch or at the end, or at the end of a row of tokens."""


def group_layers(
    names: Sequence[str], widths: Sequence[int], kinds: Sequence[str], poolings: Sequence[str]
) -> list[FeatureGroup]:
    """Return which columns of the features come from which module.

    Args:
        names: Of modules, or `features`.
        widths: Channels of each.
        kinds: Of each, one of `KINDS`.
        poolings: Of tokens; a grid has its mean alone.

    """
    ways = {FEATURES: [OWN], "tokens": list(poolings)}
    return lay_out(names, widths, [ways.get(kind, ["mean"]) for kind in kinds])


def pool_output(output: Any, kind: str, pooling: str, prefix_tokens: int) -> torch.Tensor:
    """Map what a module gives to one vector a row, (batch, width); what stands in front of the patches has no part in a mean."""
    states = next(leaf for leaf in tree_leaves(output) if isinstance(leaf, torch.Tensor))
    if pooling == "first":
        return states[:, 0]
    if kind == "tokens":
        return states[:, prefix_tokens if states.shape[1] > prefix_tokens else 0 :].mean(dim=1)
    return states.mean(dim=(2, 3) if kind == "nchw" else (1, 2))


def read_layers(
    backbone: nn.Module,
    run: Callable[[], torch.Tensor],
    groups: Sequence[FeatureGroup],
    kinds: dict[str, str],
    prefix_tokens: int,
) -> torch.Tensor:
    """Run a backbone and return the pooled outputs of its modules side by side, (batch, sum of widths).

    Args:
        backbone: Whose modules are read.
        run: Runs it, and returns what other heads stand on.
        groups: What is read.
        kinds: Of each layer of the groups, one of `KINDS`.
        prefix_tokens: How many tokens stand in front of the patches.

    Raises:
        ValueError: A module did not run.

    """
    outputs: dict[tuple[str, str], torch.Tensor] = {}

    def keep(name: str, _: nn.Module, __: Any, output: Any) -> None:
        """Pool what a module gives, at once: the next one may change it in place."""
        for group in groups:
            if group.layer == name:
                outputs[name, group.pooling] = pool_output(output, kinds[name], group.pooling, prefix_tokens)

    with _hooks(backbone, [str(group.layer) for group in groups if group.layer != FEATURES], keep):
        features = run()
    outputs[FEATURES, OWN] = features
    missing = sorted({str(group.layer) for group in groups if (group.layer, group.pooling) not in outputs})
    if missing:
        raise ValueError(f"the head reads layers that do not run: {', '.join(missing)}")
    return torch.cat([outputs[str(group.layer), group.pooling] for group in groups], dim=1)


@contextmanager
def _hooks(backbone: nn.Module, names: Sequence[str], keep: Callable[..., None]) -> Iterator[None]:
    handles = [backbone.get_submodule(name).register_forward_hook(partial(keep, name)) for name in dict.fromkeys(names)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def readable_layers(stages: Sequence[str], backbone: nn.Module, order: ExecutionOrder) -> list[str]:
    """Name the modules that a head reads by default, in order of execution, and `features` behind them.

    They are items of lists of layers: each item where there is one list and all its items give tokens, or are lists themselves,
    as EfficientNet's stages of blocks; and otherwise the last one of each spatial resolution.

    Args:
        stages: Of the backbone, see `BackboneClassifier.stages`.
        backbone: It.
        order: In which its modules run.

    """
    calls: dict[str, Call] = {}
    lists: set[str] = set()
    for stage in stages:
        parent = stage.rpartition(".")[0]
        is_item = bool(parent) and isinstance(backbone.get_submodule(parent), _LISTS)
        call = _last_call(stage, order) if is_item else None
        if call is not None and len(_shape(call)) in (3, 4):
            calls[call.module] = call
            lists.add(parent)
    names = sorted(calls, key=lambda name: calls[name].ended)
    is_of_lists = all(
        isinstance(item, _LISTS) for parent in lists for item in backbone.get_submodule(parent).children()
    )
    if len(lists) > 1 or (not is_of_lists and any(len(_shape(call)) == 4 for call in calls.values())):
        last = {_resolution(calls[name], order): name for name in names}
        names = [name for name in names if name in last.values()]
    return [*names, FEATURES]


def resolve_layer(name: str, order: ExecutionOrder, known: Sequence[str]) -> str:
    """Return the module whose output stands for the layer `name`: itself, or of a mere container the last one that runs.

    Raises:
        ValueError: Nothing of it runs, or it gives neither a grid nor tokens for each image.

    """
    call = _last_call(name, order)
    shape = _shape(call) if call else ()
    if call is None or len(shape) not in (3, 4) or not call.gives_states or shape[0] != order.batch_shape[0]:
        raise ValueError(f"{name} is no layer that gives a grid or tokens: write some of {', '.join(known)}")
    return call.module


def measure_layer(name: str, order: ExecutionOrder) -> tuple[int, str]:
    """Return the channels of what a module gives, and where they stand, one of `KINDS`."""
    call = order.first_calls[name]
    shape = _shape(call)
    kind = "tokens" if len(shape) == 3 else _grid_kind(call, order)
    return (shape[1] if kind == "nchw" else shape[-1]), kind


def modules_behind(names: Sequence[str], backbone: nn.Module, order: ExecutionOrder) -> list[str]:
    """Name the outermost modules with parameters that run behind all of these alone."""
    ended = max(order.first_calls[name].ended for name in names)
    earlier = {call.module for call in order.calls if call.started < ended}
    behind: list[str] = []
    for name in order.first_calls:
        inside = any(name.startswith(f"{outer}.") for outer in behind)
        if name not in earlier and not inside and [*backbone.get_submodule(name).parameters()]:
            behind.append(name)
    return behind


class PassThrough(nn.Module):
    """In the place of a module behind all that the head reads: it gives what it takes."""

    def forward(self, states: Any, *_: Any, **__: Any) -> Any:
        """Return `states`."""
        return states


def _last_call(name: str, order: ExecutionOrder) -> Call | None:
    """Return the call of a module, or of a mere container the last one inside; None where nothing of it runs."""
    inside = [call for call in order.calls if f"{call.module}.".startswith(f"{name}.")]
    return max(inside, key=lambda call: call.ended, default=None)  # what is around ends behind what is inside


def _shape(call: Call) -> tuple[int, ...]:
    """Return the shape of the first tensor that a call gave; an empty one where it gave none."""
    return next((leaf.shape for leaf in call.leaves if isinstance(leaf, TensorRecord)), ())


def _resolution(call: Call, order: ExecutionOrder) -> tuple[int, ...]:
    """Return the sides of a grid, or the number of tokens."""
    shape = _shape(call)
    if len(shape) == 3:
        return shape[1:2]
    return shape[2:] if _grid_kind(call, order) == "nchw" else shape[1:3]


def _grid_kind(call: Call, order: ExecutionOrder) -> str:
    """Return where the channels of a grid stand: images are squares, and a cube is as its neighbours in the list of layers."""
    parent = call.module.rpartition(".")[0]
    neighbours = [other for other in order.calls if other.module.rpartition(".")[0] == parent]
    for shape in (_shape(call), *map(_shape, neighbours)):
        if len(shape) == 4 and len(set(shape[1:])) == 2:
            return "nchw" if shape[2] == shape[3] else "nhwc"
    return "nchw"
