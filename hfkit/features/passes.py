"""A pass of the frozen part over the rows of a split, of which one model or several store the states that they train on.

Models on one frozen backbone need its states in different places: a head on several layers what it reads of all of them, a
recurrent head what the last layer gives, a training of the last layers what enters these. One pass can give them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ..data.batching import iter_batches
from ..models.base import BackboneClassifier
from ..models.execution_order import probing
from ..models.splitting import Split, states_on_the_way
from .cache import FeatureCache, SplitStates, as_stored
from .held_item import HeldItem


@dataclass(frozen=True)
class Wanted:
    """States that are to be computed, and the cache of the model that they are for."""

    cache: FeatureCache
    states: SplitStates


class SharedForward:
    """A forward pass for several caches, whose models have the same frozen backbone.

    One that ends behind all layers runs as a whole, and what enters an inner layer is noted on the way. Another head behind all
    layers goes on from the innermost of these; where no cache ends in an inner layer, from the last layer that it can go on from.

    Args:
        caches: One or more; of one alone, or where none ends behind all layers, each runs up to where it ends.

    """

    def __init__(self, caches: Sequence[FeatureCache]) -> None:
        self.caches = caches
        behind_all = [cache for cache in caches if cache.start_layer == "classifier"]
        readers = [cache for cache in behind_all if cache.model.feature_groups()]  # of layers that the others leave out
        self.runner = next(iter([*readers, *behind_all]), None)
        layers = {cache.start_layer for cache in caches} - {"classifier"}
        self.splits: list[Split] = []
        if self.runner is not None and len(caches) > 1:
            for cache in behind_all:
                cache.model.execution_order()  # is seen with gradients, which a pass has none of
            order = self.runner.model.execution_order()
            others = [cache.model for cache in behind_all if cache is not self.runner]
            layers = layers or set(_last_layer(self.runner.model, others))
            splits = [Split.before(name, order) for name in order.first_calls if name in layers]
            self.splits = [split for split in splits if split is not None]

    def __call__(self, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return the states of a batch for each cache."""
        if self.runner is None or not self.splits:
            return [cache.model.forward_to(cache.start_layer, **batch) for cache in self.caches]
        model = self.runner.model
        features, inner = states_on_the_way(model.backbone, self.splits, partial(model.features, **batch))
        return [self._states(cache, features, inner, batch) for cache in self.caches]

    def _states(
        self,
        cache: FeatureCache,
        features: torch.Tensor,
        inner: dict[str, torch.Tensor],
        batch: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        """Return the states for a cache, of what the pass gave in the end and on the way."""
        if cache is self.runner:
            return features
        if cache.start_layer in inner:
            return inner[cache.start_layer]
        if cache.start_layer != "classifier":
            return cache.model.forward_to(cache.start_layer, **batch)
        layer = list(inner)[-1]
        return cache.model.forward_from(layer, inner[layer], **_beside(batch))


def _beside(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what a model reads of a batch besides the states that enter a layer."""
    return {name: batch[name] for name in ("attention_mask",) if name in batch}


def _last_layer(runner: BackboneClassifier, others: Sequence[BackboneClassifier]) -> list[str]:
    """Name the last layer on the way of one model that others of the same backbone can go on from; nothing where none is."""
    for layer in reversed(runner.stage_starts()):
        split = Split.before(layer, runner.execution_order())
        if split is not None and all(_goes_on_from(split, model) for model in others):
            return [layer]
    return []


def _goes_on_from(split: Split, model: BackboneClassifier) -> bool:
    """Tell whether a model can go on from what another one of the same backbone gives at a split."""
    if model.why_no_split(split.layer):
        return False
    with torch.no_grad(), probing(model):
        inputs = model.probe_inputs()
        states, whole = model.forward_to(split.layer, **inputs), model.features(**inputs)
        # What enters a step of an image model may be more than what enters the module of its name, which pools it first.
        if states.shape != split.state_shape:
            return False
        # XLM gives the same logits, and other states for padding.
        return torch.allclose(model.forward_from(split.layer, states, **_beside(inputs)), whole, rtol=1e-4, atol=1e-5)


def compute_states(wanted: Sequence[Wanted]) -> None:
    """Run the frozen part over all copies of all rows, each process over its share, and store what it gives for each cache.

    Args:
        wanted: Of one cache, or of several with one store.

    Raises:
        CannotCacheError: There is no room for all of it, or it cannot be written.
        UserError: The numbers do not fit the type that they are to be stored in.

    """
    first = wanted[0].cache
    splits = dict.fromkeys(item.states.split for item in wanted)
    wanted = [item for split in splits for item in wanted if item.states.split == split]  # finished one after the other
    begun: list[HeldItem] = []  # on the main process

    def begin() -> list[Path]:
        """Take the room for all at once: a run that finds none for its last split would have computed the others in vain."""
        begun.extend(first.store.begin([(item.states.key, item.states.layout.bytes) for item in wanted]))
        return [item.states for item in begun]

    files = first.on_main(begin)
    try:
        for file in files:
            first.raise_together("" if file.exists() else f"{first.store.root} is not the same folder on all machines")
        for split in splits:
            ours = [(item, file) for item, file in zip(wanted, files, strict=True) if item.states.split == split]
            _fill(ours)
            first.processes.wait_for_everyone()
            for item, _ in ours:
                item.states.folder = item.cache.on_main(partial(item.cache.finish, begun, item.states))
    except BaseException:
        for unfinished in begun:
            unfinished.give_up()
        raise


def group_copies(states: Sequence[SplitStates]) -> list[list[tuple[int, int]]]:
    """Return what runs together: (number among the states, number of its copy) of those that have the same view of the rows."""
    by_view: dict[str, list[tuple[int, int]]] = {}
    for number, split in enumerate(states):
        for copy in range(len(split.inputs.copies)):
            by_view.setdefault(split.inputs.view(copy), []).append((number, copy))
    return list(by_view.values())


def _fill(wanted: Sequence[tuple[Wanted, Path]]) -> None:
    """Write this process's share of the states of one split."""
    targets = [item.states.layout.open(file, writable=True) for item, file in wanted]
    items = [item for item, _ in wanted]
    groups = group_copies([item.states for item in items])
    for place, group in enumerate(groups, 1):
        number, copy = group[0]
        rows, cache = items[number].states.inputs.copies[copy], items[number].cache
        forward = SharedForward([items[number].cache for number, _ in group])
        description = f"Frozen part, {items[number].states.split}"
        description += f", augmented copy {place}" if len(groups) > 1 else ""
        batches = iter_batches(rows, cache.collator, cache.batch_size, cache.processes.device, description)
        with torch.inference_mode(), cache.autocast():
            for indices, batch in batches:
                for (number, copy), states in zip(group, forward(batch), strict=True):
                    _write(targets[number], items[number].states, copy, indices, states)


def _write(target: torch.Tensor, states: SplitStates, copy: int, indices: list[int], batch: torch.Tensor) -> None:
    """Put the states of the rows of a batch where they belong."""
    layout = states.layout
    for index, row in zip(indices, as_stored(batch, layout.stored), strict=True):
        place = layout.place(index, copy)
        target[place] = row[: len(target[place])] if layout.offsets is not None else row
