"""In which order the modules of a backbone run, and which parameters what enters each of them depends on.

Registration says neither: DeBERTa registers the relative positions that all layers share behind its last layer, and no hook
on a module sees a parameter that is used by itself, such as a class token. Both stand in the graph that autograd keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import TreeSpec


@dataclass(frozen=True)
class TensorRecord:
    """A tensor that a module took or returned.

    Attributes:
        shape: On the probe batch.
        dtype: Of its numbers.
        from_batch: Whether it depends on the batch, and not on weights and shapes alone, as tables of positions do.

    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    from_batch: bool


@dataclass(frozen=True)
class Call:
    """One call of a module.

    Attributes:
        module: Its name in the backbone; that of the backbone itself is empty.
        started: Number of the event; starts and ends are counted together.
        ended: As `started`.
        arguments: The tensors among its arguments, by position or keyword, in the order of the call.
        leaves: What it returned: `TensorRecord`s, and what is no tensor.
        structure: How the leaves are nested.

    """

    module: str
    started: int
    ended: int
    arguments: Mapping[int | str, TensorRecord]
    leaves: tuple[Any, ...]
    structure: TreeSpec

    @property
    def state_argument(self) -> int | str | None:
        """Where the first argument stands that depends on the batch; None where none does."""
        return next((key for key, tensor in self.arguments.items() if tensor.from_batch), None)

    @property
    def gives_states(self) -> bool:
        """Whether what it returned depends on the batch."""
        return any(isinstance(leaf, TensorRecord) and leaf.from_batch for leaf in self.leaves)


@dataclass(frozen=True)
class ExecutionOrder:
    """What one forward pass over a probe batch tells of a backbone; see `execution_recorder.record_execution`.

    Attributes:
        calls: Those of its modules, in order of their start.
        inputs_depend_on: For each module that runs, the parameters that the tensors of its first call depend on.
        last_use: For each parameter that the logits depend on, the event after which it, or what is computed from parameters
            alone, meets what depends on the batch for the last time.
        unused: Parameters that the logits do not depend on.
        batch_shape: Rows of the probe batch, and for texts tokens.

    """

    calls: tuple[Call, ...]
    inputs_depend_on: Mapping[str, frozenset[str]]
    last_use: Mapping[str, int]
    unused: frozenset[str]
    batch_shape: tuple[int, ...]

    @cached_property
    def first_calls(self) -> dict[str, Call]:
        """Map the names of the modules to their first calls, in order of execution."""
        first: dict[str, Call] = {}
        for call in self.calls:
            first.setdefault(call.module, call)
        return first

    def resolve(self, name: str) -> str | None:
        """Return the module at which the layer `name` starts: itself, or for a mere container the first that runs inside.

        None where nothing of it runs.
        """
        if name in self.first_calls:
            return name
        return next((module for module in self.first_calls if module.startswith(f"{name}.")), None)

    def modules_before(self, name: str) -> frozenset[str]:
        """Name the modules that start before the module `name` does; those within whose calls it runs are among them."""
        start = self.first_calls[name].started
        return frozenset(module for module, call in self.first_calls.items() if call.started < start)

    def modules_around(self, name: str) -> list[str]:
        """Name the modules within whose calls the module `name` starts, the innermost first; the backbone is the last."""
        inner = self.first_calls[name]
        return [
            call.module for call in reversed(self.calls) if call.started < inner.started and call.ended > inner.ended
        ]

    def used_on_both_sides(self, name: str) -> frozenset[str]:
        """Name the parameters that what enters the module `name` depends on, and that are used later, too."""
        start = self.first_calls[name].started
        return frozenset(key for key in self.inputs_depend_on[name] if self.last_use.get(key, -1) >= start)

    def skippable_calls(self, name: str) -> list[Call]:
        """Return the outermost calls that end before the module `name` starts and give what depends on the batch."""
        start = self.first_calls[name].started
        outermost: list[Call] = []
        for call in self.calls:
            inside = bool(outermost) and call.started < outermost[-1].ended
            if call.ended < start and call.gives_states and not inside:
                outermost.append(call)
        return outermost


@contextmanager
def probing(model: nn.Module, parameters: Iterable[nn.Parameter] = ()) -> Iterator[None]:
    """Within it `model` is in eval mode and computes in its own type, and `parameters` require gradients.

    No random number of the surrounding program is used up.
    """
    awake = [module for module in model.modules() if module.training]
    frozen = [parameter for parameter in parameters if not parameter.requires_grad]
    device = next(model.parameters()).device
    try:
        for module in awake:
            module.training = False
        for parameter in frozen:
            parameter.requires_grad = True
        with (
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            torch.autocast(
                "cpu" if device.type == "meta" else device.type, enabled=False
            ),  # a net without numbers has none
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        ):
            yield
    finally:
        for module in awake:
            module.training = True
        for parameter in frozen:
            parameter.requires_grad = False
