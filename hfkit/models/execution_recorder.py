"""Records an `ExecutionOrder`: hooks on all modules, and a walk through the graph that autograd kept of one forward pass."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map

from .execution_order import Call, ExecutionOrder, TensorRecord


def record_execution(
    backbone: nn.Module,
    compute_logits: Callable[[], torch.Tensor],
    batch: Sequence[torch.Tensor],
    batch_shape: tuple[int, ...],
) -> ExecutionOrder:
    """Record the modules of `backbone` while `compute_logits` runs, with gradients (see `execution_order.probing`).

    Args:
        backbone: All its parameters require gradients.
        compute_logits: Runs it on the probe batch.
        batch: Leaves of the graph that stand for the batch: images, or the table of word embeddings.
        batch_shape: Rows of the probe batch, and for texts tokens.

    """
    recorder = _Recorder()
    with torch.enable_grad(), recorder.watching(backbone):
        logits = _GraphTensor.note(compute_logits())
    parameters = dict(backbone.named_parameters())
    graph = _Graph([*parameters.values()], batch)
    used = graph.sources([logits])
    events = [call.started for call in recorder.calls]
    clocks = [call.clock for call in recorder.calls]
    last_use = {
        name: events[max(bisect_right(clocks, graph.last_use[bit]) - 1, 0)]
        for bit, name in enumerate(parameters)
        if bit in graph.last_use
    }

    def names(sources: int) -> frozenset[str]:
        """Name the parameters of a set of bits."""
        return frozenset(name for bit, name in enumerate(parameters) if sources >> bit & 1)

    depends_on: dict[str, frozenset[str]] = {}
    for call in recorder.calls:
        if call.module not in depends_on:
            depends_on[call.module] = names(graph.sources(call.tensors()))
    calls = tuple(call.finish(graph) for call in recorder.calls)
    return ExecutionOrder(calls, depends_on, last_use, frozenset(parameters) - names(used), batch_shape)


@dataclass(frozen=True)
class _GraphTensor:
    """What is kept of a tensor in a forward pass: where it stands in the graph, and its shape."""

    node: Any
    shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def note(cls, value: Any) -> Any:
        """Return it for a tensor, and anything else as it is; a leaf of the graph is its own node."""
        if not isinstance(value, torch.Tensor):
            return value
        node = value.grad_fn if value.grad_fn is not None else value if value.requires_grad else None
        return cls(node, tuple(value.shape), value.dtype)


@dataclass
class _OpenCall:
    """A call that is being recorded.

    Attributes:
        clock: How many nodes the graph had when it started.

    """

    module: str
    started: int
    clock: int
    arguments: dict[int | str, Any]
    ended: int = -1
    output: Any = None

    def tensors(self) -> list[_GraphTensor]:
        """Return all tensors that the module was called with."""
        return [leaf for leaf in tree_leaves(self.arguments) if isinstance(leaf, _GraphTensor)]

    def finish(self, graph: "_Graph") -> Call:
        """Keep what does not hold on to the graph."""
        arguments = {key: graph.record(value) for key, value in self.arguments.items()}
        tensors = {key: value for key, value in arguments.items() if isinstance(value, TensorRecord)}
        leaves, structure = tree_flatten(self.output)
        return Call(self.module, self.started, self.ended, tensors, tuple(map(graph.record, leaves)), structure)


@dataclass
class _Recorder:
    """Notes the calls of all modules, in order of their start."""

    calls: list[_OpenCall] = field(default_factory=list)
    open: list[_OpenCall] = field(default_factory=list)
    events: int = 0

    @contextmanager
    def watching(self, backbone: nn.Module) -> Iterator[None]:
        """Within it, note the calls of the modules of `backbone`."""
        handles = []
        for name, module in backbone.named_modules():
            handles.append(module.register_forward_pre_hook(partial(self._start, name), with_kwargs=True))
            handles.append(module.register_forward_hook(self._end))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _start(self, name: str, _: nn.Module, positional: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Note a call and what it takes."""
        arguments: dict[int | str, Any] = {}
        arguments.update(enumerate(positional))
        arguments.update(keywords.items())
        call = _OpenCall(name, self._tick(), _clock(), tree_map(_GraphTensor.note, arguments))
        self.calls.append(call)
        self.open.append(call)

    def _end(self, _: nn.Module, __: Any, output: Any) -> None:
        """Note what the call gives."""
        call = self.open.pop()
        call.ended = self._tick()
        call.output = tree_map(_GraphTensor.note, output)

    def _tick(self) -> int:
        self.events += 1
        return self.events


class _Graph:
    """Which parameters the nodes of a graph depend on: a set of bits for each node.

    Args:
        parameters: Bit N is that of parameter N.
        batch: Leaves that stand for the batch; they share the last bit.

    """

    def __init__(self, parameters: Sequence[torch.Tensor], batch: Sequence[torch.Tensor]) -> None:
        self.from_batch = 1 << len(parameters)
        self._own = {id(parameter): 1 << bit for bit, parameter in enumerate(parameters)}
        for tensor in batch:
            self._own[id(tensor)] = self._own.get(id(tensor), 0) | self.from_batch
        self._known: dict[Any, int] = {}
        self.last_use: dict[int, int] = {}
        """For each bit, the clock of the last node that depends on the batch and takes what depends on parameters alone."""

    def record(self, value: Any) -> Any:
        """Return the record of a tensor, and anything else as it is."""
        if not isinstance(value, _GraphTensor):
            return value
        return TensorRecord(value.shape, value.dtype, bool(self.sources([value]) & self.from_batch))

    def sources(self, tensors: Sequence[_GraphTensor]) -> int:
        """Return the bits of all that these tensors depend on."""
        bits = 0
        for tensor in tensors:
            if isinstance(tensor.node, torch.Tensor):
                bits |= self._own.get(id(tensor.node), 0)
            elif tensor.node is not None:
                bits |= self._walk(tensor.node)
        return bits

    def _walk(self, root: Any) -> int:
        """Compute the bits of a node and of all below it, without recursion: graphs are thousands of nodes deep."""
        stack = [root]
        while stack:
            node = stack[-1]
            children = [child for child, _ in node.next_functions if child is not None]
            missing = [child for child in children if child not in self._known]
            if missing and node not in self._known:
                stack += missing
                continue
            stack.pop()
            if node not in self._known:
                self._known[node] = self._bits(node, children)
        return self._known[root]

    def _bits(self, node: Any, children: list[Any]) -> int:
        """Return the bits of a node whose children are known, and note what it uses."""
        bits = self._own.get(id(getattr(node, "variable", None)), 0)
        for child in children:
            bits |= self._known[child]
        if bits & self.from_batch:
            for child in children:
                if not self._known[child] & self.from_batch:
                    self._note_use(self._known[child], node._sequence_nr())
        return bits

    def _note_use(self, bits: int, clock: int) -> None:
        """Note that a node takes what depends on these parameters alone."""
        while bits:
            lowest = bits & -bits
            bit = lowest.bit_length() - 1
            self.last_use[bit] = max(self.last_use.get(bit, 0), clock)
            bits ^= lowest


def _clock() -> int:
    """Return a number that grows with each node that autograd makes."""
    node: Any = torch.empty(0, requires_grad=True).view(0).grad_fn
    return int(node._sequence_nr())
