"""One pass for several models on a frozen backbone gives each what a pass of its own gives, and each finds it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from features.test_feature_cache import make_inputs, middle
from tiny import IMAGE_NAMES, TEXT_NAMES

from hfkit.data.augmented import FrozenInputs
from hfkit.features.cache import FeatureCache
from hfkit.features.passes import SharedForward, Wanted, compute_states
from hfkit.features.reading import find_states
from hfkit.features.store import FeatureStore
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier

_OF_THE_HEAD = "poolings layer_names layer_widths layer_kinds standardised two_heads".split()
Make = Callable[[str], BackboneClassifier]


def with_head(model: BackboneClassifier, head: str) -> BackboneClassifier:
    """Return a model with the same backbone and another head."""
    of_the_head = (
        _OF_THE_HEAD if isinstance(model, ImageClassifier) else [*_OF_THE_HEAD, "layers", "pooling", "use_pooler"]
    )
    given = {key: value for key, value in model.config.to_dict().items() if key not in of_the_head}
    config = type(model.config)(**{**given, "head": head})
    other = type(model)(config)
    other.backbone.load_state_dict(model.backbone.state_dict(), strict=False)  # a pooler is that of one head alone
    if head == "layers" and isinstance(other, ImageClassifier):
        other.keep_layers()
    return other.eval()


def make_caches(model: BackboneClassifier, tokenizer: Any, folder: Path) -> tuple[list[FeatureCache], FrozenInputs]:
    """Return caches of a head on all layers, of another head, and of a training of the last layers where there are such."""
    rows, collator = make_inputs(model, tokenizer)
    own = "bigru" if model.config.head != "bigru" and not isinstance(model, ImageClassifier) else "linear"
    models = [with_head(model, "layers"), with_head(model, own)]
    plans = ["none", "none"]
    inner = middle(model)
    if inner != "none" and not model.why_no_split(inner):
        models, plans = [*models, with_head(model, own)], [*plans, inner]
    caches = []
    for item, plan in zip(models, plans, strict=True):
        FreezePlan(plan).apply(item)
        caches.append(FeatureCache(item, collator, FeatureStore(folder), 7))
    return caches, rows


@pytest.mark.parametrize("name", [name for name in (*TEXT_NAMES, *IMAGE_NAMES) if "layers" not in name])
def test_one_pass_gives_what_each_gives_alone(name: str, make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """Whatever layers they read, of rows of other length; where a part of the layers can train, that is where they meet."""
    model = make_model(name)
    caches, rows = make_caches(model, tokenizer, tmp_path)
    batch = caches[0].sample_batch(rows.copies[0])
    for some in (caches, caches[:2]):  # two heads behind all layers share a pass without a third training, too
        together = SharedForward(some)
        meets = len(caches[1].model.split_points()) > 1 and "xlm" not in name  # it gives other states for padding
        assert bool(together.splits) == (len(some) == 3 or meets)
        with torch.inference_mode():
            alone = [cache.model.forward_to(cache.start_layer, **batch) for cache in some]
            shared = together(batch)
        for ours, expected in zip(shared, alone, strict=True):
            torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("models", [2, 3])
def test_all_that_is_wanted_is_stored_in_one_pass(
    models: int, make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    """Of two heads behind all layers, and of a training of the last ones beside them."""
    model = make_model("hfkit-text/bert-linear")
    caches, rows = make_caches(model, tokenizer, tmp_path / "together")
    caches = caches[:models]
    together = [find_states(cache, rows, rows, 3, True)[0] for cache in caches]
    embedded: list[int] = []
    for cache in caches:
        table = cache.model.backbone.get_input_embeddings()
        table.register_forward_hook(lambda _, inputs, __: embedded.append(len(inputs[0])))
    compute_states([Wanted(cache, split) for cache, splits in zip(caches, together, strict=True) for split in splits])
    # A pass of train, and one of validation; a probe has two rows.
    assert sum(count for count in embedded if count > 2) == 2 * rows.rows
    for cache, splits in zip(caches, together, strict=True):
        other = FeatureCache(cache.model, cache.collator, FeatureStore(tmp_path / "alone"), 7)
        alone = find_states(other, rows, rows, 3, True)[0]
        compute_states([Wanted(other, split) for split in alone])
        for ours, theirs in zip(splits, alone, strict=True):
            assert ours.key == theirs.key
            assert ours.folder is not None
            assert theirs.folder is not None
            states = [split.layout.open(Path(str(split.folder)) / "states.bin") for split in (ours, theirs)]
            torch.testing.assert_close(*states)
        found = find_states(cache, rows, rows, 3, True)[0]
        assert all(split.folder is not None for split in found)


def test_an_image_and_its_flip_are_read_by_those_that_want_them(
    make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    """A head that is solved reads images as they are; one that trains reads them flipped, too."""
    model = make_model("hfkit-vgg/flat")
    caches, plain = make_caches(model, tokenizer, tmp_path)
    pixels = np.array(plain.copies[0]["pixel_values"])
    flipped = Dataset.from_dict({"pixel_values": pixels[..., ::-1].copy(), "labels": plain.labels}).with_format("torch")
    both = FrozenInputs([*plain.copies, flipped], lambda: {"pixels": 1, "augment": "flip"}, plain=plain)
    assert both.view(0) == plain.view(0)
    assert dataclasses.replace(both, by_epoch=True).view(0) != plain.view(0)
    inputs = [plain, *[both] * (len(caches) - 1)]
    states = [find_states(cache, own, None, 3, True)[0][0] for cache, own in zip(caches, inputs, strict=True)]
    passes: list[int] = []
    for cache in caches:
        first = next(module for module in cache.model.backbone.modules() if isinstance(module, torch.nn.Conv2d))
        first.register_forward_hook(lambda _, inputs, __: passes.append(len(inputs[0])))
    compute_states([Wanted(cache, item) for cache, item in zip(caches, states, strict=True)])
    assert sum(count for count in passes if count > 2) == 2 * plain.rows  # a probe has two rows
    head = states[1].layout.open(Path(str(states[1].folder)) / "states.bin")
    with torch.inference_mode():
        for copy, rows in enumerate(both.copies):
            expected = caches[1].model.features(rows["pixel_values"][:])
            torch.testing.assert_close(head[copy::2], expected, rtol=1e-4, atol=1e-5)
