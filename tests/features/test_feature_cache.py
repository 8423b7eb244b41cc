"""Training on stored states: the same losses and weights as on the inputs, and off where that cannot be."""

import copy
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from conftest import Run, read_notes
from datasets import Dataset, DatasetDict
from disks import read_only
from tiny import IMAGE_NAMES, inputs_for
from torch.utils.data import DataLoader
from torchvision.transforms.v2 import RandomHorizontalFlip
from transformers import DataCollatorWithPadding, default_data_collator

from hfkit.data.augmented import FrozenInputs, frozen_images, frozen_texts
from hfkit.data.batching import iter_batches
from hfkit.data.chance import seeded
from hfkit.data.images import load_image_data
from hfkit.data.transforms import make_processor
from hfkit.errors import UserError
from hfkit.features.cache import CannotCacheError, FeatureCache, SplitStates, as_stored, find_start_layer
from hfkit.features.gain import why_not_worth_it
from hfkit.features.hidden_states import StateLayout, StateReader
from hfkit.features.reading import TrainingInputs, use_feature_cache
from hfkit.features.store import FeatureStore
from hfkit.features.store_entry import STATES_FILE
from hfkit.flags.image_arguments import ImageDataArguments
from hfkit.flags.training_arguments import TrainingArguments
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier, Preprocessing
from hfkit.training.callbacks import TellEpoch
from hfkit.training.freeze_callback import FreezeCallback
from hfkit.training.trainer import ClassifierTrainer

Make = Callable[[str], BackboneClassifier]
RunRecipe = Callable[..., Run]
ROWS = 20
# That the two halves of a model give the logits and gradients of the whole is tested for every one: see test_models.py.
TEXTS = ("bert-linear", "distilbert-bigru", "deberta-bigru", "modernbert-linear", "bert-layers")
QUICKLY_TRAINED = ("hfkit-vgg/flat", "hfkit-timm/efficientnet")
TRAINED = [f"hfkit-text/{name}" for name in TEXTS] + [
    pytest.param(name, marks=[] if name in QUICKLY_TRAINED else [pytest.mark.slow]) for name in IMAGE_NAMES
]


def middle(model: BackboneClassifier) -> str:
    """Return a stage with parameters in the middle, or none where there is no such stage that can be entered."""
    names = [key for key, _ in model.backbone.named_parameters()]
    stages = [stage for stage in model.split_points() if any(key.startswith(f"{stage}.") for key in names)]
    return stages[len(stages) // 2] if len(stages) > 2 else "none"


def make_inputs(model: BackboneClassifier, tokenizer: Any) -> tuple[FrozenInputs, Callable[..., Any]]:
    """Return rows for a model, with copies that do not change, and what makes batches of them."""
    labels = [row % 2 for row in range(ROWS)]
    if isinstance(model, ImageClassifier):
        pixels = inputs_for(model, ROWS)["pixel_values"] + torch.tensor(labels)[:, None, None, None]
        rows = Dataset.from_dict({"pixel_values": pixels.numpy(), "labels": labels}).with_format("torch")
        return FrozenInputs([rows], lambda: {"pixels": 1}), default_data_collator
    generator = np.random.default_rng(0)
    ids = [generator.integers(5, 100, 3 + row % 9).tolist() for row in range(ROWS)]
    columns = {"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids], "length": list(map(len, ids))}
    texts = Dataset.from_dict({**columns, "labels": labels})
    return FrozenInputs([texts], lambda: {"tokens": 1}), DataCollatorWithPadding(tokenizer)


def cached(
    model: BackboneClassifier, inputs: FrozenInputs, collator: Any, folder: Path, **options: Any
) -> TrainingInputs:
    cache = FeatureCache(model, collator, FeatureStore(folder), 4, **options)
    return use_feature_cache(cache, inputs, inputs, epochs=10, explicit=True)


def train(model: BackboneClassifier, inputs: Any, collator: Any, folder: Path, plan: FreezePlan, **options: Any) -> Any:
    """Train 30 steps and return the losses."""
    text = not isinstance(model, ImageClassifier)
    trainer = ClassifierTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            max_steps=30,
            per_device_train_batch_size=12 if text else 4,  # texts: in two parts
            learning_rate=1e-3,
            logging_strategy="steps",
            logging_steps=1,
            remove_unused_columns=text and not isinstance(inputs, TrainingInputs),
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
            disable_tqdm=True,
            use_cpu=True,
            **{"bf16": False, **options},
        ),
        train_dataset=inputs.train if isinstance(inputs, TrainingInputs) else inputs,
        data_collator=collator,
        callbacks=[FreezeCallback(plan)],
        head_learning_rate=1e-2,
    )
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_batches_come_longest_first_and_their_rows_are_numbered(tokenizer: Any) -> None:
    """The first batch needs the most memory."""
    rows = Dataset.from_dict({"input_ids": [[5] * length for length in (2, 6, 3, 4, 6)], "length": [2, 6, 3, 4, 6]})
    batches = list(iter_batches(rows, DataCollatorWithPadding(tokenizer), 2, torch.device("cpu")))
    assert [indices for indices, _ in batches] == [[1, 4], [3, 2], [0]]
    assert [batch["input_ids"].shape[1] for _, batch in batches] == [6, 4, 2]


# --- exact ---


@pytest.mark.sweep
@pytest.mark.slow
@pytest.mark.parametrize("cut", ["none", "middle"])
@pytest.mark.parametrize("name", TRAINED)
def test_training_with_the_cache_is_training_without_it(
    name: str, cut: str, make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    check_training_with_the_cache(name, cut, "sgd", make_model, tokenizer, tmp_path)


@pytest.mark.parametrize(
    "name", ["hfkit-text/bert-linear", *(pytest.param(name, marks=pytest.mark.slow) for name in QUICKLY_TRAINED)]
)
def test_adamw_with_the_cache_is_adamw_without_it(name: str, make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """Of some nets: AdamW makes a whole step of a gradient that is rounding alone, as MobileNetV4 has them."""
    check_training_with_the_cache(name, "middle", "adamw_torch", make_model, tokenizer, tmp_path)


def check_training_with_the_cache(
    name: str, cut: str, optim: str, make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    """Train a net from what is stored, and whole, and compare losses and weights."""
    model = make_model(name)
    # Statistics of batches of four would blow the rounding of a float up; as by default, pretrained ones are kept.
    plan = FreezePlan(middle(model) if cut == "middle" else "none", keep_batch_norm=True)
    plan.apply(model)
    other = copy.deepcopy(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path / "cache")
    assert model.start_layer == (plan.unfreeze_from if plan.unfreeze_from != "none" else "classifier")
    losses = train(model, inputs, inputs.collator, tmp_path, plan, optim=optim)
    plain = train(other, rows.copies[0], collator, tmp_path, plan, optim=optim)
    assert len(losses) == 30
    assert losses == pytest.approx(plain, abs=1e-5)
    assert len(set(losses)) > 20, "it learns"
    tolerance = 1e-6 if optim == "sgd" else 1e-4
    for (key, value), expected in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        # What cannot change the output has a gradient of rounding alone, which AdamW blows up: a softmax does not see the keys'
        # bias, nor the norm behind it what a fuser adds to a whole token.
        if key.endswith("mixing.bias"):
            continue
        if key.endswith("qkv.bias"):
            value, expected = (torch.cat(tensor.chunk(3)[::2]) for tensor in (value, expected))
        torch.testing.assert_close(value, expected, rtol=0, atol=tolerance, msg=key)


@pytest.mark.parametrize("name", ["hfkit-text/bert-bigru", pytest.param("hfkit-vgg/flat", marks=pytest.mark.slow)])
def test_in_bfloat16(name: str, make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """What autocast gave is stored in its own type, and the same rows get the same labels."""
    model = make_model(name)
    plan = FreezePlan(middle(model))
    plan.apply(model)
    other = copy.deepcopy(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path / "cache", compute_dtype=torch.bfloat16)
    losses = train(model, inputs, inputs.collator, tmp_path, plan, bf16=True)
    plain = train(other, rows.copies[0], collator, tmp_path, plan, bf16=True)
    assert losses == pytest.approx(plain, abs=1e-2)
    batch = inputs_for(model, ROWS)
    with torch.no_grad():
        logits = [net.eval()(**batch).logits for net in (model, other)]
    assert torch.equal(logits[0].argmax(-1), logits[1].argmax(-1))


@pytest.mark.parametrize("name", ["hfkit-text/bert-bigru", "hfkit-deit/mean"])
def test_states_are_those_of_the_forward_pass(name: str, make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """Row by row, without padding, whatever batch a row was in."""
    model = make_model(name)
    FreezePlan(middle(model)).apply(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path)
    stored = inputs.train[range(ROWS)]
    assert stored["labels"] == rows.labels.tolist()
    columns = rows.copies[0].remove_columns([key for key in ("length", "labels") if key in rows.copies[0].column_names])
    for number in range(ROWS):
        alone = model.forward_to(model.start_layer, **collator([columns[number]]))[0]
        torch.testing.assert_close(stored["states"][number], alone)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_smaller_numbers(dtype: torch.dtype, make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """They take half of the room, and are read as what the forward pass gave."""
    model = make_model("hfkit-text/bert-bigru")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    whole = cached(model, rows, collator, tmp_path / "whole").train[range(ROWS)]["states"]
    half = cached(model, rows, collator, tmp_path / "half", dtype=dtype).train[range(ROWS)]["states"]
    sizes = [sum(file.stat().st_size for file in (tmp_path / kind).rglob(STATES_FILE)) for kind in ("whole", "half")]
    assert sizes[0] == 2 * sizes[1]
    for one, other in zip(whole, half, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(one.to(dtype).float(), other)


# --- found again ---


def test_a_second_run_finds_what_the_first_computed(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    first = make_model("hfkit-deit/mean")
    FreezePlan("blocks.1").apply(first)
    rows, collator = make_inputs(first, tokenizer)
    assert "computed" in " ".join(read_notes(cached(first, rows, collator, tmp_path).notes))
    second = make_model("hfkit-deit/mean")
    FreezePlan("blocks.1").apply(second)
    with torch.no_grad():
        second.backbone.blocks[1].norm1.weight += 1  # behind the cut
    inputs = cached(second, rows, collator, tmp_path)
    assert "found" in " ".join(read_notes(inputs.notes))
    assert inputs.seconds == 0
    del inputs  # what another run reads is not removed
    states = next(tmp_path.rglob(STATES_FILE))
    states.write_bytes(states.read_bytes()[:-4] + b"abcd")
    assert "damaged" in " ".join(read_notes(cached(second, rows, collator, tmp_path).notes))


def test_the_key_holds_everything_that_the_states_depend_on(
    make_model: Make, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(
        cut: str = "encoder.layer.1", content: object = 1, change: Callable[[Any], Any] | None = None, **options: Any
    ) -> str:
        model = make_model("hfkit-text/bert-bigru")
        FreezePlan(cut).apply(model)
        if change is not None:
            with torch.no_grad():
                change(model)
        rows, collator = make_inputs(model, tokenizer)
        rows.content = lambda: {"tokens": content}
        return FeatureCache(model, collator, FeatureStore(tmp_path), 4, **options).key(rows)

    def change_head(model: Any) -> None:
        model.classifier.linear.weight += 1
        model.config.head_hidden_size += 1

    base = key()
    assert key() == base
    assert key(change=change_head) == base, "the head is behind the cut"
    others = [
        key(cut="none"),
        key(content=2),
        key(change=lambda model: model.backbone.embeddings.word_embeddings.weight[3].add_(1)),
        key(change=lambda model: model.config.backbone_config.update({"layer_norm_eps": 1e-3})),
        key(dtype=torch.bfloat16),
        key(compute_dtype=torch.bfloat16),
    ]
    monkeypatch.setattr("hfkit.features.state_key.code_checksum", lambda: "another")
    others.append(key())
    assert len({base, *others}) == 8


def test_states_in_front_of_a_layer_serve_every_head(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """What one head's run has stored, the run of another finds; the states at the end of the backbone are each head's own."""
    first, second = make_model("hfkit-text/bert-bigru"), make_model("hfkit-text/bert-linear")
    second.backbone.load_state_dict(first.backbone.state_dict(), strict=False)  # a BiGRU leaves the pooler out
    keys = {}
    for cut in ("encoder.layer.1", "none"):
        for model in (first, second):
            FreezePlan(cut).apply(model)
            rows, collator = make_inputs(model, tokenizer)
            keys[cut, model.config.head] = FeatureCache(model, collator, FeatureStore(tmp_path), 4).key(rows)
    assert keys["encoder.layer.1", "bigru"] == keys["encoder.layer.1", "linear"]
    assert keys["none", "bigru"] != keys["none", "linear"]


@pytest.mark.parametrize("name", ["hfkit-text/bert-layers", "hfkit-timm/efficientnet-layers"])
def test_layers_are_in_the_key_and_one_vector_is_stored(
    name: str, make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    """What is the head's alone is not; the vector has the features of all layers side by side."""

    def key(change: Callable[[Any], Any] = lambda _: None) -> str:
        model = make_model(name)
        change(model)
        FreezePlan("none").apply(model)
        rows, collator = make_inputs(model, tokenizer)
        return FeatureCache(model, collator, FeatureStore(tmp_path), 4).key(rows)

    layers = [1] if "text" in name else ["blocks.1"]
    base = key()
    for field, value in (("standardised", True), ("head_dropout", 0.3), ("head_hidden_size", 7)):
        assert key(lambda model, field=field, value=value: model.config.update({field: value})) == base
    assert key(lambda model: model.keep_layers(layers, ["mean"])) != base
    assert key(lambda model: model.keep_layers(layers, ["first"])) != base
    model = make_model(name)
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path / "cache")
    assert model.start_layer == "classifier"
    assert inputs.train[0]["states"].shape == (model.feature_size,)


def test_what_only_training_uses_is_not_in_the_key(make_model: Make, tmp_path: Path) -> None:
    """FDViT's decoders, which no published weights have, start at random."""
    keys = set()
    for weight in (0.1, 0.2):
        model = make_model("hfkit-fdvit/code")
        FreezePlan("none").apply(model)
        model.config.reconstruction_weight = weight
        with torch.no_grad():
            model.backbone.stages[1].downsample.decoder.conv.weight.normal_()
        rows, collator = make_inputs(model, None)
        keys.add(FeatureCache(model, collator, FeatureStore(tmp_path), 4).key(rows))
    assert len(keys) == 1


def test_the_rows_are_in_the_key(photos: Path) -> None:
    """Texts by their tokens, images by their files and by all that is done to them, both in their order."""

    def texts(*rows: list[int]) -> object:
        inputs = Dataset.from_dict({"input_ids": list(rows), "length": list(map(len, rows)), "labels": [0] * len(rows)})
        return frozen_texts(DatasetDict(train=inputs, validation=inputs))["train"].content()

    contents = [texts([5, 6], [7]), texts([7], [5, 6]), texts([5], [6, 7]), texts([5, 6], [8])]
    assert len(set(map(str, contents))) == 4
    assert texts([5, 6], [7]) == contents[0]

    options = ImageDataArguments(dataset=str(photos), augment="none")
    splits = load_image_data(options).splits

    def images(size: int = 32, seed: int = 1, rows: DatasetDict = splits, **changes: Any) -> object:
        processor = make_processor(make_tiny_preprocessing(), size)
        return frozen_images(rows, processor, dataclasses.replace(options, **changes), seed)["train"].content()

    other = DatasetDict(splits | {"train": splits["train"].select(range(15, -1, -1))})
    drawn = {"augment": "randaugment", "cache_views": 2}
    contents = [images(), images(size=48), images(rows=other), images(augment="flip"), images(**drawn)]
    contents += [images(seed=2, **drawn)]
    assert len(set(map(str, contents))) == 6
    assert images() == contents[0] == images(seed=2), "a seed that nothing is drawn by changes nothing"


# --- off, with the reason ---


def test_where_there_is_nothing_to_store(make_model: Make) -> None:
    for name, cut, reason in (
        ("hfkit-text/bert-linear", "all", "nothing is frozen"),
        ("hfkit-vgg/flat", "features.0", "nothing is frozen"),
        ("hfkit-deit/mean", "patch_embed", "nothing is frozen"),
        ("hfkit-text/xlm-linear", "attentions.1", "XLMModel cannot be entered in front of attentions.1"),
    ):
        model = make_model(name)
        FreezePlan(cut).apply(model)
        with pytest.raises(CannotCacheError, match=reason):
            find_start_layer(model)


@pytest.mark.parametrize(
    ("name", "first", "entered"),
    [
        ("hfkit-text/bert-linear", "encoder.layer.1.attention.self.query", "encoder.layer.1.attention"),
        ("hfkit-text/bert-linear", "encoder.layer.1.output", "encoder.layer.1"),
        ("hfkit-text/deberta-linear", "encoder.layer.0", "encoder"),
        ("hfkit-timm/dinov2", "blocks.1.mlp.fc2", "blocks.1"),
        ("hfkit-densenet/mlp", "features.denseblock2.denselayer1.norm1", "features.denseblock2"),
        ("hfkit-timm/swin", "layers.1.blocks.1", "layers.1.blocks.1"),
        ("hfkit-timm/twins", "blocks.1", "blocks.1.0"),
        ("hfkit-timm/twins", "blocks.1.1", "blocks.1.1"),
    ],
)
def test_training_enters_what_one_tensor_enters(name: str, first: str, entered: str, make_model: Make) -> None:
    """Within a residual block two do: then the block is the next that can be entered."""
    model = make_model(name)
    FreezePlan(first).apply(model)
    assert find_start_layer(model) == entered


def test_a_model_whose_halves_do_not_make_the_whole(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """On the probe batch, or only on these rows."""
    model = make_model("hfkit-vgg/flat")
    FreezePlan("features.3").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cache = FeatureCache(model, collator, FeatureStore(tmp_path), 4)
    forward_from = model.forward_from
    model.forward_from = lambda layer, states: forward_from(layer, states * 1.01)  # type: ignore[attr-defined]
    with pytest.raises(CannotCacheError, match="in two parts differs from the whole"):
        use_feature_cache(cache, rows, rows, epochs=10, explicit=True)
    assert model.start_layer == "classifier"
    with pytest.raises(CannotCacheError, match=r"cannot be entered in front of features\.3.*differs from the whole"):
        FeatureCache(model, collator, FeatureStore(tmp_path), 4)


def test_rows_that_are_read_once_are_not_stored(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cache = FeatureCache(model, collator, FeatureStore(tmp_path), 4)
    with pytest.raises(CannotCacheError, match="each row is read once"):
        use_feature_cache(cache, rows, rows, epochs=1, explicit=False)
    assert "computed" in " ".join(read_notes(use_feature_cache(cache, rows, rows, epochs=1, explicit=True).notes))
    assert "found" in " ".join(read_notes(cached(model, rows, collator, tmp_path).notes))


def test_no_room(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cache = FeatureCache(model, collator, FeatureStore(tmp_path, limit=10), 4)
    with pytest.raises(CannotCacheError, match="above the cache's limit"):
        use_feature_cache(cache, rows, rows, epochs=10, explicit=False)


def test_a_folder_that_can_only_be_read(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """It is used where all is there; where something is missing the run goes without and says what to do."""
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cached(model, rows, collator, tmp_path)
    with read_only(tmp_path):
        assert "found" in " ".join(read_notes(cached(model, rows, collator, tmp_path).notes))
        other = dataclasses.replace(rows, content=lambda: {"tokens": 2})
        with pytest.raises(CannotCacheError, match=r"cannot be read or written \(Read-only.*--feature_cache FOLDER"):
            cached(model, other, collator, tmp_path)


def test_room_is_looked_for_before_anything_is_computed(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """There is room for one of the two splits."""
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cached(model, rows, collator, tmp_path / "all")
    size = FeatureStore(tmp_path / "all").items()[0].bytes
    other = dataclasses.replace(rows, content=lambda: {"tokens": 2})
    cache = FeatureCache(model, collator, FeatureStore(tmp_path / "few", limit=int(1.5 * size)), 4)
    with pytest.raises(CannotCacheError, match="above the cache's limit"):
        use_feature_cache(cache, rows, other, epochs=10, explicit=False)
    assert FeatureStore(tmp_path / "few").entries() == []
    assert model.start_layer == "classifier"


def test_a_pass_that_fails_leaves_nothing(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    forward_to, calls = model.forward_to, []

    def fail_later(stage: str, **inputs: Any) -> torch.Tensor:
        calls.append(stage)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return forward_to(stage, **inputs)

    model.forward_to = fail_later  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        cached(model, rows, collator, tmp_path)
    assert FeatureStore(tmp_path).entries() == []
    model.forward_to = forward_to  # type: ignore[method-assign]
    assert "computed" in " ".join(read_notes(cached(model, rows, collator, tmp_path).notes))


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="float16 is too small for these states"):
        as_stored(torch.tensor([1e6]), torch.float16)
    assert as_stored(torch.tensor([1e6]), torch.bfloat16).isfinite().all()
    assert as_stored(torch.tensor([float("inf")]), torch.float16).isinf().all(), "it was so before"


def test_states_larger_than_the_memory_can_be_read(tmp_path: Path) -> None:
    """A file with holes, of four times this machine's memory."""
    layout = StateLayout((psutil.virtual_memory().total // 1000,), None, 1000, 1, torch.float32, torch.float32)
    with (tmp_path / "states").open("wb") as file:
        try:
            file.truncate(layout.bytes)
        except OSError:
            pytest.skip("the file system has no files of that size")
    assert layout.open(tmp_path / "states")[999, -1] == 0


# --- augmented copies ---


def make_reader(
    model: BackboneClassifier, copies: int, by_epoch: bool, folder: Path
) -> tuple[TrainingInputs, list[Any]]:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(copies, 6, 3, 32, 32, generator=generator)
    forms = [
        Dataset.from_dict({"pixel_values": copy.numpy(), "labels": [0, 1] * 3}).with_format("torch") for copy in pixels
    ]
    rows = FrozenInputs(forms, lambda: {"views": copies}, "several forms", by_epoch)
    plain = FrozenInputs(forms[:1], lambda: {"views": "one"})
    cache = FeatureCache(model, default_data_collator, FeatureStore(folder), 4)
    inputs = use_feature_cache(cache, rows, plain, epochs=10, explicit=False)
    with torch.no_grad():
        return inputs, [model.forward_to(model.start_layer, pixel_values=copy) for copy in pixels]


def test_a_flip_draws_one_of_two_views_as_torchvision_does(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-deit/mean")
    FreezePlan("blocks.1").apply(model)
    inputs, states = make_reader(model, 2, False, tmp_path)
    assert "Augmented copies: several forms." in " ".join(read_notes(inputs.notes))
    [epoch] = inputs.epochs
    epoch.index = 2
    read = [inputs.train[row]["states"] for row in range(6)]
    flips = []
    for row in range(6):
        with seeded(0, 2, row):
            flips.append(torch.equal(RandomHorizontalFlip()(torch.arange(2)[None]), torch.tensor([[1, 0]])))
    assert len(set(flips)) == 2
    for row, flipped in enumerate(flips):
        torch.testing.assert_close(read[row], states[int(flipped)][row])
    torch.testing.assert_close(inputs.validation[3]["states"], states[0][3])


def test_views_are_taken_in_turn(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-deit/mean")
    FreezePlan("blocks.1").apply(model)
    inputs, states = make_reader(model, 3, True, tmp_path)
    for epoch, index in ((0.0, 0), (1.0, 1), (2.0, 2), (3.0, 0)):
        TellEpoch(inputs.epochs).on_epoch_begin(None, type("state", (), {"epoch": epoch}), None)  # type: ignore[arg-type]
        torch.testing.assert_close(inputs.train[4]["states"], states[index][4])


def test_workers_that_stay_take_views_in_turn_too(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-deit/mean")
    FreezePlan("blocks.1").apply(model)
    inputs, states = make_reader(model, 3, True, tmp_path)
    loader = DataLoader(inputs.train, 6, collate_fn=inputs.collator, num_workers=1, persistent_workers=True)
    for epoch in range(3):
        inputs.epochs[0].index = epoch
        [batch] = list(loader)
        torch.testing.assert_close(batch["states"], states[epoch])


def test_a_reader_can_be_copied_without_its_states(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """Workers and the fingerprints of `datasets` pickle it."""
    import pickle

    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path)
    reader = inputs.train.format["format_kwargs"]["transform"]
    assert isinstance(reader, StateReader)
    before = inputs.train[2]["states"]
    assert len(pickle.dumps(reader)) < 2000
    torch.testing.assert_close(
        pickle.loads(pickle.dumps(reader))({"position": [2], "labels": [0]})["states"][0], before
    )


def test_the_table_that_is_trained_on_takes_twelve_bytes_a_row(
    make_model: Make, tokenizer: Any, tmp_path: Path
) -> None:
    """It holds position, class and length in memory; the states are on the disk."""
    model = make_model("hfkit-text/bert-bigru")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    inputs = cached(model, rows, collator, tmp_path)
    assert inputs.train.data.nbytes == ROWS * 12
    assert not inputs.train.cache_files, "they are on disk: count that"


# --- worth it ---


def test_states_that_take_longer_to_read_than_to_compute(make_model: Make, tokenizer: Any, tmp_path: Path) -> None:
    """On this machine, measured: a gigabyte a row is, and a few numbers a row are not."""
    model = make_model("hfkit-text/bert-linear").eval()
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cache = FeatureCache(model, collator, FeatureStore(tmp_path / "store"), 4)

    def reason(numbers: int, epochs: float = 10) -> str:
        layout = StateLayout((numbers,), None, ROWS, 1, torch.float32, torch.float32)
        return why_not_worth_it(cache, SplitStates("train", rows, layout, "key"), epochs)

    assert reason(4) == ""
    assert re.match(
        r"reading the 1,000,000.0 kB of a row \([\d.]+ ms\) saves nothing against computing", reason(250_000_000)
    )
    assert reason(4, epochs=1) == "each row is read once, so that nothing would be saved"
    fixed = dataclasses.replace(rows, by_epoch=True)
    layout = StateLayout((250_000_000,), None, ROWS, 1, torch.float32, torch.float32)
    assert why_not_worth_it(cache, SplitStates("train", fixed, layout, "key"), 10) == "", "fixed changes were asked for"
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("explicit", [False, True])
def test_only_who_asks_for_it_gets_a_cache_that_is_slow(
    explicit: bool, make_model: Make, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hfkit.features.gain.seconds_to_read", lambda *of: 1e9)
    model = make_model("hfkit-text/bert-linear")
    FreezePlan("none").apply(model)
    rows, collator = make_inputs(model, tokenizer)
    cache = FeatureCache(model, collator, FeatureStore(tmp_path), 4)
    if explicit:
        assert use_feature_cache(cache, rows, rows, 10, explicit).seconds > 0
        assert use_feature_cache(cache, rows, rows, 10, False).seconds == 0, "what is there is read"
        return
    with pytest.raises(CannotCacheError, match="saves nothing against computing them"):
        use_feature_cache(cache, rows, rows, 10, explicit)
    assert model.start_layer == "classifier"


# --- in the recipes ---


@pytest.mark.slow
def test_the_text_recipe_gives_the_same_with_the_cache(
    run_fakenews: RunRecipe, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In a cache of its own: in a shared one the states may be there from a run with another head."""
    flags = ["--unfreeze_from", "encoder.layer.1", "--head", "bigru", "--seed", "7"]
    first = run_fakenews(*flags, "--feature_cache", str(tmp_path), capture=capfd)
    second = run_fakenews(*flags, "--feature_cache", "off", capture=capfd)
    assert "Feature cache: training enters encoder.layer.1" in " ".join(first.output.split())
    assert "Feature cache: off." in second.output
    one, other = (run.json("all_results.json") for run in (first, second))
    assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-5)
    assert one["train_feature_seconds"] > 0
    assert "train_feature_seconds" not in other
    for row, same in zip(first.rows("predictions.csv"), second.rows("predictions.csv"), strict=True):
        assert row.keys() == same.keys()
        assert float(row["score_fake"]) == pytest.approx(float(same["score_fake"]), abs=1e-4)


@pytest.mark.slow
def test_the_image_recipe_flips_as_without_the_cache(run_cifar10: RunRecipe, capfd: pytest.CaptureFixture[str]) -> None:
    flags = ["--unfreeze_from", "none", "--max_steps", "12", "--seed", "7"]
    first = run_cifar10(*flags, capture=capfd)
    second = run_cifar10(*flags, "--feature_cache", "off", capture=capfd)
    assert "each image as it is and flipped" in " ".join(first.output.split())
    losses = [run.json("all_results.json")["train_loss"] for run in (first, second)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        pytest.param(
            "--augment randaugment",
            "Feature cache: off, since --augment randaugment changes each image again in every epoch",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "--augment randaugment --cache_views 3",
            "3 changes of each image by randaugment, drawn once by seed 42",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "--augment none --mixup 0.2",
            "Feature cache: off, since MixUp and CutMix make new images of each batch",
            marks=pytest.mark.slow,
        ),
        pytest.param("--unfreeze_from all", "Feature cache: off, since nothing is frozen", marks=pytest.mark.slow),
        pytest.param(
            "--max_steps 1",
            "Feature cache: off, since each row is read 0.5 times, so that nothing would be saved",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_the_run_says_of_the_cache(
    flags: str, sentence: str, run_cifar10: RunRecipe, capfd: pytest.CaptureFixture[str]
) -> None:
    run = run_cifar10("--unfreeze_from", "none", "--max_steps", "8", *flags.split(), capture=capfd)
    assert sentence in " ".join(run.output.split())


def test_drawn_views_are_drawn_by_the_seed(photos: Path) -> None:
    options = ImageDataArguments(dataset=str(photos), augment="randaugment", cache_views=2)
    splits = load_image_data(options).splits
    processor = make_processor(make_tiny_preprocessing(), 32)
    copies, again, other = (frozen_images(splits, processor, options, seed)["train"].copies for seed in (1, 1, 2))
    first = [copy[:]["pixel_values"] for copy in copies]
    assert torch.equal(first[0], again[0][:]["pixel_values"])
    assert torch.equal(first[1][3], again[1][[3]]["pixel_values"][0]), "whatever the batch"
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], other[0][:]["pixel_values"])


def make_tiny_preprocessing() -> Preprocessing:
    return Preprocessing("none", 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
