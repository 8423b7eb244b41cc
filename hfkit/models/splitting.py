"""A backbone in two parts: run up to a layer, and from that layer on, by its own forward pass."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils._pytree import tree_unflatten

from .execution_order import Call, ExecutionOrder, TensorRecord

Result = TypeVar("Result")
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What a module is called with, by position and by keyword."""


@dataclass(frozen=True)
class Split:
    """How to enter a backbone in front of a layer.

    Attributes:
        layer: Name of the module in whose first call the states enter.
        argument: Where they stand in that call, a position or a keyword.
        state_shape: Of the states, on the probe batch.
        skipped: The modules that are left out, with their calls; what they return is not looked at.
        batch_shape: Rows of the probe batch, and for texts tokens.

    """

    layer: str
    argument: int | str
    state_shape: tuple[int, ...]
    skipped: tuple[tuple[str, tuple[Call, ...]], ...]
    batch_shape: tuple[int, ...]

    @classmethod
    def before(cls, layer: str, order: ExecutionOrder) -> "Split | None":
        """Return the split in front of a module that runs; None where what enters it is not one state a row (and token)."""
        first = order.first_calls.get(layer)
        argument = first.state_argument if first else None
        if first is None or argument is None:
            return None
        shape = first.arguments[argument].shape
        if shape[: len(order.batch_shape)] != order.batch_shape:
            return None
        calls: dict[str, tuple[Call, ...]] = {}
        for call in order.skippable_calls(layer):
            calls[call.module] = (*calls.get(call.module, ()), call)
        return cls(layer, argument, shape, tuple(calls.items()), order.batch_shape)

    def states(self, arguments: Arguments) -> torch.Tensor:
        """Return what enters, of what the layer is called with."""
        positional, keywords = arguments
        return positional[self.argument] if isinstance(self.argument, int) else keywords[self.argument]

    def with_states(self, arguments: Arguments, states: torch.Tensor) -> Arguments:
        """Return what the layer is called with, with `states` in their place."""
        positional, keywords = arguments
        if isinstance(self.argument, int):
            return (*positional[: self.argument], states, *positional[self.argument + 1 :]), keywords
        return positional, {**keywords, self.argument: states}


class Placeholders:
    """Tensors that stand for what is left out: their shape counts, and their numbers do not.

    Args:
        states: What enters instead, (rows, ...), for texts (rows, tokens, width).
        split: Where they enter.
        source: Makes a tensor of a shape, so that a test can see whether anything depends on it; default: the states
            themselves where the shape is theirs, as if they had passed through, and else zeros that take no memory.

    """

    def __init__(
        self, states: torch.Tensor, split: Split, source: Callable[[tuple[int, ...]], torch.Tensor] | None = None
    ) -> None:
        self.states, self.probe_shape, self.source = states, split.batch_shape, source

    def of_shape(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Return a tensor of the states' type."""
        if self.source is not None:
            return self.source(shape)
        return self.states if shape == self.states.shape else self.states.new_zeros(()).expand(shape)

    def substitute(self, leaf: Any) -> Any:
        """Return a tensor like a recorded one, for the rows and tokens of this batch; anything else as it is."""
        if not isinstance(leaf, TensorRecord):
            return leaf
        rows, *more = self.probe_shape
        shape = list(leaf.shape)
        if shape and shape[0] % rows == 0:
            shape[0] = shape[0] // rows * len(self.states)
        if more and shape[1:2] == more:
            shape[1] = self.states.shape[1]
        tensor = self.of_shape(tuple(shape))
        return tensor if leaf.dtype.is_floating_point else torch.zeros_like(tensor, dtype=leaf.dtype)


@contextmanager
def entering(backbone: nn.Module, split: Split, placeholders: Placeholders) -> Iterator[None]:
    """Within it a pass of `backbone` leaves out what runs in front of the layer, and the states enter the layer.

    From then on everything runs as always, the modules that were left out, too, where the backbone comes back to them.
    """
    entered: list[bool] = []

    def enter(_: nn.Module, *arguments: Any) -> Arguments | None:
        """Put the states in their place, once."""
        if entered:
            return None
        entered.append(True)
        # Placeholders that passed the states through need nothing more.
        return (
            None
            if split.states(arguments) is placeholders.states
            else split.with_states(arguments, placeholders.states)
        )

    replaced: list[tuple[dict[str, Any], Any]] = []
    handle = backbone.get_submodule(split.layer).register_forward_pre_hook(enter, with_kwargs=True)
    try:
        for name, calls in split.skipped:
            module = backbone.get_submodule(name)
            attributes = module.__dict__  # past Module.__setattr__, which is slow
            replaced.append((attributes, attributes.get("forward")))
            attributes["forward"] = _skip(module.forward, calls, placeholders, entered)
        yield
    finally:
        handle.remove()
        for attributes, own in replaced:
            if own is None:
                del attributes["forward"]
            else:
                attributes["forward"] = own


def _skip(
    run: Callable[..., Any], calls: tuple[Call, ...], placeholders: Placeholders, entered: list[bool]
) -> Callable[..., Any]:
    """Return what stands for `run`: until `entered` is filled, it returns placeholders shaped as the calls on the probe."""
    remaining = iter(calls)

    def forward(*positional: Any, **keywords: Any) -> Any:
        """Return placeholders, or run the module."""
        if entered:
            return run(*positional, **keywords)
        call = next(remaining)
        return tree_unflatten([placeholders.substitute(leaf) for leaf in call.leaves], call.structure)

    return forward


def arguments_of_first_call(module: nn.Module, run: Callable[[], object]) -> Arguments:
    """Run until `module` is called, and return what it is called with.

    Raises:
        ValueError: It is not called.

    """
    caught: list[Arguments] = []

    def stop(_: nn.Module, positional: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Keep the arguments and end the pass."""
        caught.append((positional, keywords))
        raise _ReachedError

    handle = module.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        run()
    except _ReachedError:
        return caught[0]
    finally:
        handle.remove()
    raise ValueError(f"{type(module).__name__} is not called")


def states_on_the_way(
    backbone: nn.Module, splits: Sequence[Split], run: Callable[[], Result]
) -> tuple[Result, dict[str, torch.Tensor]]:
    """Run, and return what that gives, and by layer what entered at some splits of a backbone."""
    caught: dict[str, torch.Tensor] = {}

    def keep(split: Split, _: nn.Module, *arguments: Any) -> None:
        """Keep what enters at the first call: a copy, for the layer may change it in place."""
        if split.layer not in caught:
            caught[split.layer] = split.states(arguments).clone()

    with ExitStack() as stack:
        for split in splits:
            module = backbone.get_submodule(split.layer)
            stack.callback(module.register_forward_pre_hook(partial(keep, split), with_kwargs=True).remove)
        return run(), caught


class _ReachedError(Exception):
    """Ends a forward pass in front of a module."""
