"""The layers of a backbone: their names, which columns of the features come from which, and which were cut off at the end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class FeatureGroup:
    """The columns of the features of one layer, pooled in one way.

    Attributes:
        layer: For texts the number of the hidden state, 0 for the embeddings; for images the name of the module.
        pooling: `mean`, `first` or `last`.
        start: First column.
        width: Number of columns.

    """

    layer: int | str
    pooling: str
    start: int
    width: int


@dataclass(frozen=True)
class LayerReport:
    """What `drop_unused_layers` did.

    Attributes:
        layers: How many layers the backbone has now.
        dropped: How many it had more; 0 where all stay.
        parameters: How many parameters the model has now.
        dropped_parameters: How many it had more.
        reason: Why all layers stay, without a full stop; empty where some were dropped.
        seconds: What the backbone takes for a few rows, before and after.

    """

    layers: int
    dropped: int
    parameters: int
    dropped_parameters: int
    reason: str = ""
    seconds: tuple[float, float] = (0.0, 0.0)

    def sentence(self) -> str:
        """Say it in one sentence."""
        if not self.dropped:
            return f"All {self.layers} layers stay: {self.reason}."
        share = self.dropped_parameters / (self.parameters + self.dropped_parameters)
        before, after = (1000 * seconds for seconds in self.seconds)
        return (
            f"Layers: the last {self.dropped} of {self.layers + self.dropped} are not used and are dropped, with "
            f"{self.dropped_parameters:,} parameters ({share:.0%}); the logits of a probe batch are the same, and it takes "
            f"{after:.3g} ms in place of {before:.3g}."
        )


def time_call(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes, the shortest of three."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def lay_out(
    layers: Sequence[int | str], widths: Sequence[int], poolings: Sequence[Sequence[str]]
) -> list[FeatureGroup]:
    """Return the groups of features that stand side by side: layer by layer, each pooled in its ways.

    Args:
        layers: Numbers or names.
        widths: Of what one pooling makes of each layer.
        poolings: Of each layer.

    """
    groups: list[FeatureGroup] = []
    start = 0
    for layer, width, ways in zip(layers, widths, poolings, strict=True):
        for pooling in ways:
            groups.append(FeatureGroup(layer, pooling, start, width))
            start += width
    return groups


def kept_groups(
    groups: Sequence[FeatureGroup], layers: Sequence[int | str], poolings: Sequence[str]
) -> list[FeatureGroup]:
    """Return those of `groups` that a model reads after `keep_layers(layers, poolings)`, in the order in which it reads them.

    A layer that has one pooling alone, such as the mean of a grid, keeps it whatever is asked for.

    Args:
        groups: What the model reads now, see `feature_groups`.
        layers: Of those that it reads.
        poolings: Of those that it takes.

    """
    kept: list[FeatureGroup] = []
    for layer in layers:
        own = [group for group in groups if group.layer == layer]
        kept += [group for pooling in poolings for group in own if group.pooling == pooling] or own
    return kept


def list_stages(module: nn.Module, prefix: str = "") -> list[str]:
    """Name the items of the lists of layers in a module, and what stands beside these lists, in registration order."""
    if not any(isinstance(child, nn.ModuleList | nn.Sequential) for child in module.modules()):
        return [prefix]
    names: list[str] = []
    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        names += [path] if isinstance(module, nn.ModuleList | nn.Sequential) else list_stages(child, path)
    return names
