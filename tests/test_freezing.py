"""Frozen means frozen: names, modes, the optimizer, and what moved in training."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from timm.layers import DropPath
from tiny import IMAGE_NAMES, SLOW_IMAGE_NAMES, TINY, inputs_for
from torch import nn
from transformers import (
    BertConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    TrainerCallback,
    default_data_collator,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from hfkit.backbones.lora import LoraPlan
from hfkit.errors import UserError
from hfkit.flags.training_arguments import TrainingArguments
from hfkit.freezing import FreezePlan, count_parameters
from hfkit.frozen_checksums import entering_checksum, frozen_checksum
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier
from hfkit.models.losses import Objective
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.tasks.learning_rate import learning_rate_by_width
from hfkit.training.callbacks import EpochLog
from hfkit.training.freeze_callback import FreezeCallback
from hfkit.training.rates import parameter_groups
from hfkit.training.sampler import BalancedLengthSampler
from hfkit.training.trainer import ClassifierTrainer

Make = Callable[[str], BackboneClassifier]
ALL = pytest.mark.parametrize("name", TINY)


def rows(number: int = 8) -> Dataset:
    """Return tokenised rows of different length."""
    generator = torch.Generator().manual_seed(2)
    ids = [torch.randint(5, 100, (4 + row % 5,), generator=generator).tolist() for row in range(number)]
    return Dataset.from_dict(
        {
            "input_ids": ids,
            "attention_mask": [[1] * len(row) for row in ids],
            "length": [len(row) for row in ids],
            "labels": [row % 2 for row in range(number)],
        }
    )


def collate(features: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad on the right with zeros."""
    width = max(len(row["input_ids"]) for row in features)
    batch = {
        key: torch.tensor([row[key] + [0] * (width - len(row[key])) for row in features])
        for key in ("input_ids", "attention_mask")
    }
    return batch | {"labels": torch.tensor([row["labels"] for row in features])}


def image_rows(model: BackboneClassifier, number: int = 8) -> Dataset:
    """Return images as pixel values."""
    pixels = inputs_for(model, rows=number)["pixel_values"]
    columns = {"pixel_values": pixels.numpy(), "labels": [row % 2 for row in range(number)]}
    return Dataset.from_dict(columns).with_format("torch")


def trainer_for(
    model: BackboneClassifier,
    folder: Path,
    unfreeze_from: str = "all",
    callbacks: list[TrainerCallback] | None = None,
    objective: Objective | None = None,
    keep_batch_norm: bool = False,
    lora: LoraPlan | None = None,
    **options: Any,
) -> ClassifierTrainer:
    """Return a Trainer for two steps of four rows."""
    defaults = {
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-2,
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "warmup_steps": 0,
    }
    return ClassifierTrainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **{**defaults, **options}),
        train_dataset=image_rows(model) if isinstance(model, ImageClassifier) else rows(),
        data_collator=default_data_collator if isinstance(model, ImageClassifier) else collate,
        callbacks=[FreezeCallback(FreezePlan(unfreeze_from, keep_batch_norm, lora)), *(callbacks or [])],
        objective=objective,
        head_learning_rate=1e-2,
    )


def second_block(model: BackboneClassifier) -> str:
    """Return a layer with parameters, in the middle of the backbone."""
    # A head that reads all layers lets few of them be entered.
    layers = model.split_points()[:-1] or model.stages()
    return next((layer for layer in layers if layer.endswith(".1")), layers[-1])


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of all parameters and buffers."""
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


# --- what trains ---


@ALL
def test_none_freezes_the_backbone_and_all_nothing(name: str, make_model: Make) -> None:
    model = make_model(name)
    FreezePlan("none").apply(model)
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert all(parameter.requires_grad for parameter in model.classifier.parameters())
    FreezePlan("all").apply(model)
    assert all(parameter.requires_grad for parameter in model.parameters())


@ALL
def test_a_layer_splits_the_backbone_in_two(name: str, make_model: Make) -> None:
    """A parameter is frozen if and only if what enters the layer changes with it."""
    model = make_model(name)
    layer = second_block(model)
    FreezePlan(layer).apply(model)
    trains = {key for key, parameter in model.backbone.named_parameters() if parameter.requires_grad}
    assert trains
    assert len(trains) < len(list(model.backbone.parameters()))
    with torch.no_grad():
        entering = entering_checksum(model)
        for key, parameter in model.backbone.named_parameters():
            if key in trains:
                parameter += 0.1
        assert entering_checksum(model) == entering
    before = [parameter.requires_grad for parameter in model.parameters()]
    FreezePlan(f"backbone.{layer}").apply(model)
    assert [parameter.requires_grad for parameter in model.parameters()] == before


FROZEN_BY_USE = [
    ("hfkit-text/deberta-linear", "encoder.layer.1", "encoder.LayerNorm, encoder.rel_embeddings", "encoder.conv.conv"),
    ("hfkit-text/mpnet-linear", "encoder.layer.1", "encoder.relative_attention_bias", "encoder.layer.0.output.dense"),
    ("hfkit-text/xlm-linear", "attentions.1", "", "ffns.0.lin2"),
    ("hfkit-timm/twins", "blocks.1.1", "", "pos_block.1.proj.0"),
    ("hfkit-timm/dinov2", "blocks.1", "", "cls_token"),
]


@pytest.mark.parametrize(("name", "layer", "shared", "frozen"), FROZEN_BY_USE)
def test_what_earlier_layers_use_is_frozen(name: str, layer: str, shared: str, frozen: str, make_model: Make) -> None:
    """Wherever it is registered; what later layers use, too, is named."""
    model = make_model(name)
    plan = FreezePlan(layer)
    plan.apply(model)
    for module in filter(None, [frozen, *shared.split(", ")]):
        inside = [p for key, p in model.backbone.named_parameters() if key == module or key.startswith(f"{module}.")]
        assert inside
        assert not any(parameter.requires_grad for parameter in inside)
    assert ("Frozen, since layers on both sides use it" in plan.describe(model)) == bool(shared)
    assert shared in plan.describe(model)


def test_names_are_matched_by_whole_components() -> None:
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=12, num_attention_heads=2, intermediate_size=8)
    model = TextClassifier(TextClassifierConfig(backbone_config=config))
    FreezePlan("encoder.layer.10").apply(model)
    trains = {key for key, parameter in model.backbone.named_parameters() if parameter.requires_grad}
    assert {key.split(".")[2] for key in trains if key.startswith("encoder")} == {"10", "11"}
    FreezePlan("encoder.layer.1").apply(model)
    frozen = {key for key, parameter in model.backbone.named_parameters() if not parameter.requires_grad}
    assert {key.split(".")[2] for key in frozen if key.startswith("encoder")} == {"0"}
    assert any(key.startswith("embeddings") for key in frozen)


@pytest.mark.parametrize("wrong", ["encoder.layer.7", "encoder.layers.1", "nonsense", "encoder.lay"])
def test_an_unknown_layer_is_an_error_with_the_nearest_names(wrong: str, make_model: Make) -> None:
    with pytest.raises(
        UserError, match=r"no layer of that name.*Write none, all, or a layer such as embeddings"
    ) as error:
        FreezePlan(wrong).apply(make_model("hfkit-text/bert-linear"))
    if wrong.startswith("encoder"):
        assert "encoder.layer.1" in str(error.value) or "encoder.layer" in str(error.value)


def test_the_line_says_how_many_train_and_from_where(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-linear")
    plan = FreezePlan("encoder.layer.1")
    plan.apply(model)
    trainable, total = count_parameters(model)
    assert 0 < trainable < total
    assert plan.describe(model).startswith(f"{trainable:,} of {total:,} parameters train")
    assert "from encoder.layer.1 on" in plan.describe(model)


# --- modes ---


class _Net(BackboneClassifier):
    """A backbone with BatchNorm and dropouts, which the text encoders do not have."""

    config_class = PreTrainedConfig

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.backbone = nn.Sequential(
            nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)
        )
        self.classifier = nn.Linear(4, 2)
        self.post_init()

    def probe_inputs(self) -> dict[str, torch.Tensor]:
        return {"rows": torch.ones(3, 4)}

    def features(self, rows: torch.Tensor) -> torch.Tensor:
        return self.backbone(rows)

    def forward(self, rows: torch.Tensor) -> SequenceClassifierOutput:
        return SequenceClassifierOutput(logits=self.classifier(self.backbone(rows)))


def test_frozen_modules_stay_in_eval_mode() -> None:
    model = _Net(PreTrainedConfig())
    FreezePlan("3").apply(model)
    model.train()
    assert [module.training for module in model.backbone] == [False, False, False, True, True, True]
    assert model.training
    assert model.classifier.training
    statistics = model.backbone[1].running_mean.clone(), model.backbone[4].running_mean.clone()
    model(torch.randn(8, 4) + 3)
    assert torch.equal(model.backbone[1].running_mean, statistics[0])
    assert not torch.equal(model.backbone[4].running_mean, statistics[1])
    FreezePlan("all").apply(model)
    model.train()
    assert all(module.training for module in model.modules())
    FreezePlan("all", keep_batch_norm=True).apply(model)
    model.train()
    assert [module.training for module in model.backbone] == [True, False, True, True, False, True]
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.eval()
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("keep_batch_norm", [True, False])
def test_beside_adapters_batch_norm_is_frozen(keep_batch_norm: bool) -> None:
    """LoRA freezes the backbone: behind the first adapter, too, nothing of it moves but the adapters; dropout works there."""
    model = _Net(PreTrainedConfig())
    FreezePlan("none", keep_batch_norm=keep_batch_norm, lora=LoraPlan(targets=("3",))).apply(model)
    model.train()
    assert [model.backbone[place].training for place in (1, 2, 4, 5)] == [False, False, False, True]
    assert not any(parameter.requires_grad for place in (1, 4) for parameter in model.backbone[place].parameters())
    before = {name: tensor.clone() for name, tensor in model.backbone.state_dict().items()}
    optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], lr=0.1)
    for _ in range(2):
        model(torch.randn(8, 4) + 3).logits.square().sum().backward()
        optimizer.step()
    moved = {name for name, tensor in model.backbone.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(".lora_" in name for name in moved)


@ALL
def test_a_frozen_backbone_gives_the_same_features_in_training(name: str, make_model: Make) -> None:
    """Its dropout sleeps, whatever the Trainer calls."""
    model = make_model(name)
    FreezePlan("none").apply(model)
    model.train()
    assert not any(module.training for module in model.backbone.modules())
    assert model.classifier.training
    if isinstance(model, ImageClassifier):
        pixels = inputs_for(model)["pixel_values"]
        assert torch.equal(model.features(pixels), model.features(pixels))
    else:
        ids = torch.randint(5, 100, (2, 6))
        assert torch.equal(model.backbone(ids)[0], model.backbone(ids)[0])


# --- in training ---


@pytest.mark.sweep
@pytest.mark.parametrize("unfreeze_from", ["none", "middle", "all"])
@pytest.mark.parametrize(
    "name", ["hfkit-text/bert-linear", "hfkit-text/bert-bigru", *sorted(set(IMAGE_NAMES) - set(SLOW_IMAGE_NAMES))]
)
def test_what_moved_and_what_did_not(unfreeze_from: str, name: str, make_model: Make, tmp_path: Path) -> None:
    """Parameters, and buffers such as BatchNorm's statistics: those of frozen modules stay equal to the bit."""
    model = make_model(name)
    before = state(model)
    if unfreeze_from == "middle":
        unfreeze_from = second_block(model)
    trainer = trainer_for(model, tmp_path, unfreeze_from)
    trains = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    trainer.train()
    held = {id(parameter) for group in trainer.optimizer.param_groups for parameter in group["params"]}
    assert held == {id(parameter) for key, parameter in model.named_parameters() if key in trains}
    parameters = {key for key, _ in model.named_parameters()}
    for key, value in model.state_dict().items():
        moved = not torch.equal(value, before[key])
        if key in parameters:
            # A row of positions that no text reaches has no gradient, but weight decay moves it.
            assert moved == (key in trains), key
        else:  # BatchNorm's statistics
            assert moved == (f"{key.rpartition('.')[0]}.weight" in trains), key


@pytest.mark.parametrize("name", ["hfkit-densenet/mlp", "hfkit-timm/efficientnet"])
def test_kept_batch_norm_trains_its_weights_only(name: str, make_model: Make, tmp_path: Path) -> None:
    """Training and evaluation then see the same net, and the checksum holds the statistics."""
    model = make_model(name)
    before = state(model)
    trainer = trainer_for(model, tmp_path, keep_batch_norm=True)
    callback = next(c for c in trainer.callback_handler.callbacks if isinstance(c, FreezeCallback))
    assert "BatchNorm's mean and variance: those that came with the weights" in callback.plan.describe(model)
    trainer.train()
    parameters = {key for key, _ in model.named_parameters()}
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]) != (key in parameters), key
    assert len(callback.before.frozen_sha256) == 64
    next(norm for norm in model.modules() if isinstance(norm, nn.BatchNorm2d)).running_mean.add_(1)
    assert frozen_checksum(model) != callback.before.frozen_sha256


def test_checksum_of_the_frozen_part(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-text/bert-linear")
    trainer = trainer_for(model, tmp_path, "encoder.layer.1")
    callback = next(c for c in trainer.callback_handler.callbacks if isinstance(c, FreezeCallback))
    trainer.train()
    assert len(callback.before.frozen_sha256) == 64
    assert callback.after.frozen_sha256 == callback.before.frozen_sha256
    with torch.no_grad():
        model.backbone.encoder.layer[0].output.dense.bias[0] += 1
    assert frozen_checksum(model) != callback.before.frozen_sha256
    with pytest.raises(RuntimeError, match="Frozen parameters or buffers have changed"):
        callback.on_train_end(trainer.args, trainer.state, trainer.control, model=model)
    FreezePlan("all").apply(model)
    assert frozen_checksum(model) == ""


def test_freezing_comes_before_the_optimizer(make_model: Make, tmp_path: Path) -> None:
    """The events of a run in their order, with what is frozen at each."""
    events: list[tuple[str, bool]] = []

    class Recorder(TrainerCallback):
        pass

    def record(event: str) -> Callable[..., None]:
        def handler(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            frozen = not any(parameter.requires_grad for parameter in kwargs["model"].backbone.parameters())
            events.append((event, frozen))

        return handler

    for event in ("on_init_end", "on_train_begin", "on_epoch_begin", "on_step_end", "on_epoch_end", "on_train_end"):
        setattr(Recorder, event, record(event))
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, "none", [Recorder()])
    assert events == [("on_init_end", True)]
    assert trainer.optimizer is None
    trainer.train()
    order = [event for event, _ in events]
    expected = [
        "on_init_end",
        "on_train_begin",
        "on_epoch_begin",
        "on_step_end",
        "on_step_end",
        "on_epoch_end",
        "on_train_end",
    ]
    assert order == expected
    assert all(frozen for _, frozen in events)


# --- the Trainer's arithmetic ---


@pytest.mark.parametrize(
    "objective",
    [pytest.param(None, marks=pytest.mark.slow), Objective((0.5, 2.0), 0.1)],
    ids=["plain", "weighted and smoothed"],
)
@pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-text/bert-bigru"])
def test_eight_rows_equal_two_times_four_accumulated(
    name: str, objective: Any, make_model: Make, tmp_path: Path
) -> None:
    weights, losses = [], []
    for batch_size, steps in ((8, 1), (4, 2)):
        model = make_model(name)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        model.backbone.config.attention_probs_dropout_prob = 0.0
        for layer in model.backbone.encoder.layer:
            layer.attention.self.dropout.p = 0.0
        trainer = trainer_for(
            model,
            tmp_path,
            objective=objective,
            per_device_train_batch_size=batch_size,
            gradient_accumulation_steps=steps,
            max_steps=1,
            optim="sgd",
            logging_strategy="steps",
            logging_steps=1,
            train_sampling_strategy="sequential",
        )
        trainer.train()
        weights.append(state(model))
        losses.append(next(entry for entry in trainer.state.log_history if "loss" in entry))
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], abs=1e-5)
    assert losses[0]["grad_norm"] == pytest.approx(losses[1]["grad_norm"], abs=1e-4)
    assert losses[0]["accuracy"] == losses[1]["accuracy"]
    for key in weights[0]:
        torch.testing.assert_close(weights[0][key], weights[1][key], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "objective", [pytest.param(None, marks=pytest.mark.slow), Objective(None, 0.1)], ids=["plain", "smoothed"]
)
def test_a_masked_loss_accumulates_too(objective: Any, make_model: Make, tmp_path: Path) -> None:
    """FDViT's loss of restored tokens is a mean over the rows, as the other one is; here without chance."""
    losses = []
    for batch_size, steps in ((8, 1), (4, 2)):
        model = make_model("hfkit-fdvit/code")
        model.config.mask_ratio = 0.0
        for module in model.modules():
            if isinstance(module, DropPath):
                module.drop_prob = 0.0
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        options = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
        options |= {"max_steps": 1, "logging_strategy": "steps", "logging_steps": 1, "remove_unused_columns": False}
        trainer = trainer_for(model, tmp_path, objective=objective, train_sampling_strategy="sequential", **options)
        trainer.train()
        losses.append(next(entry for entry in trainer.state.log_history if "loss" in entry))
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], abs=1e-5)
    assert losses[0]["grad_norm"] == pytest.approx(losses[1]["grad_norm"], abs=1e-4)


def test_two_learning_rates_and_no_decay_of_vectors(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-bigru")
    groups = parameter_groups(model, 1e-4, 1e-3, 0.01)
    of = {id(parameter): (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}
    for key, parameter in model.named_parameters():
        rate = 1e-3 if key.startswith("classifier.") else 1e-4
        assert of[id(parameter)] == (rate, 0.01 if parameter.ndim > 1 else 0.0), key
    FreezePlan("none").apply(model)
    assert {group["lr"] for group in parameter_groups(model, 1e-4, 1e-3, 0.01)} == {1e-3}


@pytest.mark.parametrize(("width", "expected"), [(1024, 2e-5), (768, 3.6e-5), (384, 1e-4), (16, 1e-4)])
def test_default_learning_rates(width: int, expected: float) -> None:
    assert learning_rate_by_width(width) == (expected, f"default for a width of {width}")


def test_weighted_loss_is_the_textbook_one() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    weights = [1.0, 2.0, 0.5]
    outputs = type("Outputs", (), {"logits": logits})
    loss = Objective(tuple(weights), 0.0)
    expected = -(logits.log_softmax(-1)[range(6), labels] * torch.tensor(weights)[labels]).mean()
    torch.testing.assert_close(loss(outputs, labels), expected)
    torch.testing.assert_close(loss(outputs, labels, num_items_in_batch=12), expected / 2)
    smoothed = Objective(None, 0.1)
    torch.testing.assert_close(
        smoothed(outputs, labels), nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    )
    torch.testing.assert_close(Objective()(outputs, labels), nn.functional.cross_entropy(logits, labels))


def test_logged_accuracy_is_that_of_the_training_batches(
    make_model: Make, tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    model = make_model("hfkit-text/bert-linear")
    trainer = trainer_for(
        model, tmp_path, "none", learning_rate=0.0, logging_strategy="epoch", num_train_epochs=1, max_steps=-1
    )
    trainer.head_learning_rate = 0.0
    for module in model.classifier.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    trainer.train()
    logged = next(entry for entry in trainer.state.log_history if "loss" in entry)
    data = rows()
    logits = model(**{key: value for key, value in collate(list(data)).items() if key != "labels"}).logits
    right = (logits.argmax(-1) == torch.tensor(data["labels"])).float().mean().item()
    assert logged["accuracy"] == pytest.approx(right)


def test_waiting_for_data_is_told_from_training(
    make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collator that takes its time shows up as waiting, an evaluation that does so does not."""
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, "none", max_steps=4)
    plain = trainer.data_collator

    def slowly(batch: list[Any]) -> Any:
        """Take 50 ms for a batch."""
        time.sleep(0.05)
        return plain(batch)

    log = EpochLog()
    trainer.data_collator = slowly
    trainer.add_callback(log)
    trainer.train()
    noted = [entry for entry in trainer.state.log_history if "data_seconds" in entry]
    assert sum(entry["data_seconds"] for entry in noted) >= 4 * 0.05
    assert all(entry["data_seconds"] <= entry["epoch_seconds"] for entry in noted)
    ticks = iter([0.0, 10.0, 11.0])
    monkeypatch.setattr("hfkit.training.callbacks.time", SimpleNamespace(perf_counter=ticks.__next__))
    nothing: Any = None
    log.on_epoch_begin(nothing, trainer.state, nothing)
    log.on_evaluate(nothing, nothing, nothing)
    log.on_step_begin(nothing, nothing, nothing)
    assert log._waited == 1.0


@pytest.mark.parametrize("unfreeze_from", ["encoder.layer.1", "all"])
def test_activation_checkpointing_changes_nothing(
    unfreeze_from: str, make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hfkit.models.encoders.part_size", lambda device: 3)  # batches of four in two parts
    weights = []
    for checkpointing in (False, True):
        model = make_model("hfkit-text/bert-linear")
        options = {"activation_checkpointing": checkpointing, "ddp_find_unused_parameters": True}
        trainer_for(model, tmp_path, unfreeze_from, train_sampling_strategy="sequential", **options).train()
        weights.append(state(model))
    for key in weights[0]:
        torch.testing.assert_close(weights[0][key], weights[1][key], atol=1e-6, rtol=0)


# --- the order of the rows ---


def test_batches_are_of_similar_length_and_of_all_classes() -> None:
    """Length goes with the class here; a batch still holds each in its share, and less padding than a random one."""
    generator, epochs = np.random.default_rng(0), [0]
    labels = generator.integers(0, 2, 1003)
    lengths = generator.integers(5, 40, 1003) + 30 * labels
    sampler = BalancedLengthSampler(16, lengths, labels, seed=1, epoch=lambda: epochs[-1])
    order = list(sampler)
    assert sorted(order) == list(range(1003))
    batches = [np.array(order[start : start + 16]) for start in range(0, 1003, 16)]
    assert lengths[batches[0]].max() == lengths.max()
    shares = [labels[batch].mean() for batch in batches[:-1]]
    assert max(shares) - min(shares) <= 0.2
    shuffled = np.random.default_rng(1).permutation(1003)
    random = sum(lengths[shuffled[start : start + 16]].max() * 16 for start in range(0, 1003, 16))
    assert sum(lengths[batch].max() * 16 for batch in batches) < 0.9 * random
    assert order == list(sampler)
    epochs.append(1)
    assert order != list(sampler)


def test_an_order_is_that_of_its_epoch_in_a_resumed_run_too(make_model: Make, tmp_path: Path) -> None:
    """The sampler reads the number of the epoch where the Trainer keeps it."""
    options: dict[str, Any] = {"num_train_epochs": 3, "max_steps": -1, "train_sampling_strategy": "group_by_length"}
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, "none", **options)
    sampler = trainer._get_train_sampler()
    assert isinstance(sampler, BalancedLengthSampler)
    epochs: list[int] = []
    number = sampler.epoch
    sampler.epoch = lambda: epochs.append(number()) or number()  # type: ignore[func-returns-value]
    trainer._get_train_sampler = lambda *arguments: sampler  # type: ignore[method-assign]
    trainer.train()
    assert epochs == [0, 1, 2]
    trainer.state.epoch = 1.4  # as in a run that is resumed
    assert number() == 1
