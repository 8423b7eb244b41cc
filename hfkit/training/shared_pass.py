"""One pass of a frozen backbone for several trainings, each of which finds its states in the feature cache afterwards."""

import contextlib
from collections.abc import Sequence
from typing import Any

import torch

from ..features.cache import CannotCacheError, FeatureCache, SplitStates
from ..features.inputs import make_cache, wanted_inputs
from ..features.passes import SharedForward, Wanted, compute_states, group_copies
from ..features.reading import find_states
from ..flags.kinds import Arguments
from ..freezing import FreezePlan
from ..task import Task

_CANNOT_SHARE = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What models raise that do not give in one pass what each gives alone."""
Training = tuple[Task, Arguments[Any, Any]]


def share_pass(trainings: Sequence[Training]) -> list[bool]:
    """Compute in one pass what trainings of the same rows on the same frozen backbone read, and store it.

    Args:
        trainings: Tasks with their flags; the first is the one that is about to be trained.

    Returns:
        Of each training whether its states are stored by this pass; none where the first one and another have nothing to compute
        together, and each is left to compute what it needs.

    """
    none = [False] * len(trainings)
    with contextlib.ExitStack() as stack:
        found = [_find(task, arguments, stack) for task, arguments in trainings]
        if found[0] is None:
            return none
        cache, states, _ = found[0]
        view, kind = states[0].inputs.view(0), type(cache.model.backbone)
        takes_part = [
            item is not None
            and any(split.folder is None for split in item[1])
            and item[1][0].inputs.view(0) == view
            and type(item[0].model.backbone) is kind
            for item in found
        ]
        chosen = [item for item, is_chosen in zip(found, takes_part, strict=True) if item is not None and is_chosen]
        if not takes_part[0] or len(chosen) < 2 or not _give_the_same(chosen):
            return none
        missing = [Wanted(cache, split) for cache, splits, _ in chosen for split in splits if split.folder is None]
        try:
            compute_states(missing)
        except CannotCacheError:  # no room for all of it
            return none
        finally:
            for item in missing:
                if item.states.lock is not None:
                    stack.callback(item.states.lock.close)
    return takes_part


def _find(
    task: Task, arguments: Arguments[Any, Any], stack: contextlib.ExitStack
) -> tuple[FeatureCache, list[SplitStates], torch.Tensor] | None:
    """Return the cache of a training, its states as far as they are stored, and those of a sample; None without a cache."""
    FreezePlan.from_flags(arguments.model).apply(task.model)
    before = task.model.start_layer
    try:
        cache = make_cache(task, arguments)
        states, sample = find_states(cache, *wanted_inputs(task, arguments))
    except CannotCacheError:
        return None
    finally:
        task.model.start_layer = before
    for note in cache.notes:
        print(note.text)
    for split in states:
        if split.lock is not None:
            stack.callback(split.lock.close)
    return cache, states, sample


def _give_the_same(found: Sequence[tuple[FeatureCache, list[SplitStates], torch.Tensor]]) -> bool:
    """Tell whether one pass gives each cache what its own gives, by a sample, in the groups in which the copies will run."""
    first, states, _ = found[0]
    batch = first.sample_batch(states[0].inputs.copies[0])
    groups = {tuple(number for number, _ in group) for group in group_copies([splits[0] for _, splits, _ in found])}
    try:
        for group in groups:
            some = [found[number] for number in group]
            forward = SharedForward([cache for cache, _, _ in some])
            if len(some) > 1 and not forward.splits:
                return False  # each would run as a whole
            with torch.inference_mode(), first.autocast():
                shared = forward(batch)
            for states_of_batch, (_, _, sample) in zip(shared, some, strict=True):
                torch.testing.assert_close(states_of_batch, sample)
    except _CANNOT_SHARE:
        return False
    return True
