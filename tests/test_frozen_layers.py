"""What enters the first trained layer stays equal to the bit, in every family; what trains is what moves; and who says so."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_freezing import second_block, state, trainer_for
from tiny import IMAGE_NAMES, TEXT_NAMES, XLM, inputs_for
from torch import nn
from transformers import BertConfig, PreTrainedConfig, TrainerState, XLMConfig
from transformers.modeling_outputs import SequenceClassifierOutput

from hfkit.errors import UserError
from hfkit.freezing import FreezePlan
from hfkit.frozen_checksums import RECORD_FILE, FrozenRecord, entering_checksum, frozen_checksum
from hfkit.models.base import BackboneClassifier
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.training.freeze_callback import FreezeCallback

Make = Callable[[str], BackboneClassifier]
FAMILIES = [name for name in TEXT_NAMES if name.endswith("-linear")] + IMAGE_NAMES


def train_two_steps(model: BackboneClassifier) -> None:
    """Take two steps that move every weight by about one tenth."""
    torch.manual_seed(0)
    batch = inputs_for(model, rows=4)
    labels = torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    for _ in range(2):
        model.train()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("name", FAMILIES)
def test_what_enters_the_first_trained_layer_does_not_move(name: str, make_model: Make) -> None:
    """In training mode, too: everything in front of it sleeps."""
    model = make_model(name)
    FreezePlan(second_block(model)).apply(model)
    before, weights = FrozenRecord.take(model), state(model)
    trains = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    train_two_steps(model)
    assert FrozenRecord.take(model) == before
    model.train()
    assert entering_checksum(model) == before.entering_sha256
    moved = {key for key, parameter in model.named_parameters() if not torch.equal(parameter, weights[key])}
    assert moved == trains


@pytest.mark.parametrize("name", ["hfkit-text/deberta-linear", "hfkit-text/mpnet-linear"])
def test_the_checksum_alone_would_not_see_it(name: str, make_model: Make) -> None:
    """Shared positions that train, as they did by the order of registration, move what enters and no frozen weight."""
    model = make_model(name)
    FreezePlan("encoder.layer.1").apply(model)
    shared = "rel_embeddings" if "deberta" in name else "relative_attention_bias"
    getattr(model.backbone.encoder, shared).requires_grad_(True)
    before = FrozenRecord.take(model)
    train_two_steps(model)
    after = FrozenRecord.take(model)
    assert after.frozen_sha256 == before.frozen_sha256
    assert after.entering_sha256 != before.entering_sha256


def test_a_layer_that_runs_again_trains_from_its_first_run_on(make_model: Make) -> None:
    """ALBERT runs one layer for all."""
    model = make_model("hfkit-text/albert-linear")
    FreezePlan("encoder.albert_layer_groups.0").apply(model)
    frozen = {key.split(".")[0] for key, p in model.backbone.named_parameters() if not p.requires_grad}
    assert frozen == {"embeddings", "encoder"}
    assert all(p.requires_grad for p in model.backbone.encoder.albert_layer_groups.parameters())
    assert not any(p.requires_grad for p in model.backbone.encoder.embedding_hidden_mapping_in.parameters())


def test_a_container_starts_with_what_runs_first_in_it(make_model: Make) -> None:
    model = make_model("hfkit-text/xlm-linear")
    order = model.execution_order()
    assert order.resolve("attentions") == "attentions.0"
    assert order.resolve("ffns") == "ffns.0"
    FreezePlan("ffns").apply(model)
    assert model.trained_from == "ffns.0"
    assert not any(p.requires_grad for p in model.backbone.attentions[0].parameters())
    assert all(p.requires_grad for p in model.backbone.attentions[1].parameters())


def test_a_dropout_without_a_module_sleeps(make_model: Make) -> None:
    """XLM draws it in the forward pass of the whole encoder, in front of all layers and behind each."""
    config = XLMConfig(**{**XLM, "dropout": 0.5})
    model = TextClassifier(TextClassifierConfig(backbone_config=config))
    plan = FreezePlan("attentions.1")
    plan.apply(model)
    model.train()
    assert model.dropout_around
    assert model.training
    assert not model.backbone.training
    assert model.backbone.attentions[1].training
    assert entering_checksum(model) == FrozenRecord.take(model).entering_sha256
    assert "XLMModel has one dropout for frozen and trained layers; it is off in both" in plan.describe(model)
    plain = make_model("hfkit-text/bert-linear")
    FreezePlan("encoder.layer.1").apply(plain)
    assert not plain.dropout_around
    assert plain.train().backbone.training


class _SharedDropout(BackboneClassifier):
    """A backbone with a dropout that runs on both sides, a layer that never runs, and a second one that comes first."""

    config_class = PreTrainedConfig

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.backbone = nn.Module()
        self.backbone.second = nn.Linear(4, 4)
        self.backbone.first = nn.Linear(4, 4)
        self.backbone.dropout = nn.Dropout(0.5)
        self.backbone.last_dropout = nn.Dropout(0.5)
        self.backbone.unused = nn.Linear(4, 4)
        self.backbone.scale = nn.Parameter(torch.ones(4))
        self.classifier = nn.Linear(4, 2)
        self.post_init()

    def probe_inputs(self) -> dict[str, torch.Tensor]:
        return {"rows": torch.ones(3, 4)}

    def features(self, rows: torch.Tensor) -> torch.Tensor:
        net = self.backbone
        states = net.dropout(net.first(rows)) * net.scale
        return net.last_dropout(net.dropout(net.second(states)) * net.scale)

    def forward(self, rows: torch.Tensor) -> SequenceClassifierOutput:
        return SequenceClassifierOutput(logits=self.classifier(self.features(rows)))


def test_what_is_used_on_both_sides_is_frozen_and_named() -> None:
    model = _SharedDropout(PreTrainedConfig())
    plan = FreezePlan("second")
    plan.apply(model)
    trains = {key for key, parameter in model.backbone.named_parameters() if parameter.requires_grad}
    assert trains == {"second.weight", "second.bias"}
    assert "Frozen, since layers on both sides use it: scale." in plan.describe(model)
    assert "Frozen, since the logits do not depend on it: unused." in plan.describe(model)
    model.train()
    assert not model.backbone.dropout.training
    assert not model.backbone.first.training
    assert model.backbone.last_dropout.training
    assert model.backbone.second.training


def test_what_nothing_uses_is_frozen_where_all_trains() -> None:
    model = _SharedDropout(PreTrainedConfig())
    plan = FreezePlan("all")
    plan.apply(model)
    frozen = {key for key, parameter in model.backbone.named_parameters() if not parameter.requires_grad}
    assert frozen == {"unused.weight", "unused.bias"}
    assert "the logits do not depend on it: unused" in plan.describe(model)
    model.train()
    assert model.backbone.dropout.training
    assert not model.backbone.unused.training


@pytest.mark.parametrize(
    ("name", "start", "answer"),
    [
        (
            "hfkit-timm/dinov2",
            "cls_token",
            "that is a parameter; write patch_embed or all to train it, too, or blocks.0",
        ),
        ("hfkit-timm/dinov2", "blocks.1.norm1.weight", "write the layer that holds it, blocks.1.norm1"),
        (
            "hfkit-text/bert-linear",
            "encoder.layer.1.attention.self.dropout",
            "the backbone never runs that layer; nearest of those that run: enc",
        ),
        (
            "hfkit-text/bert-linear",
            "encoder.layer.9",
            "has no layer of that name; nearest of those that run: encoder.layer",
        ),
    ],
)
def test_what_is_no_layer_that_runs_is_refused(name: str, start: str, answer: str, make_model: Make) -> None:
    with pytest.raises(UserError, match=answer):
        FreezePlan(start).apply(make_model(name))


def test_a_probe_leaves_no_trace(make_model: Make) -> None:
    """Modes, gradients, statistics and random numbers are as before."""
    model = make_model("hfkit-timm/resnet").train()
    model.backbone.conv1.requires_grad_(False)
    before, flags = state(model), [parameter.requires_grad for parameter in model.parameters()]
    random = torch.get_rng_state()
    model.execution_order()
    model.split_points()
    FrozenRecord.take(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all("forward" not in module.__dict__ and not module._forward_pre_hooks for module in model.modules())
    assert model.backbone.layer1.training


# --- the proof ---


def find_freezing(trainer: Any) -> FreezeCallback:
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, FreezeCallback))


def test_the_results_hold_both_proofs(make_model: Make, tmp_path: Path) -> None:
    trainer = trainer_for(make_model("hfkit-text/deberta-linear"), tmp_path, "encoder.layer.1")
    trainer.train()
    results = find_freezing(trainer).results()
    assert set(results) == {f"{kind}_sha256_{when}" for kind in ("frozen", "entering") for when in ("before", "after")}
    assert results["entering_sha256_before"] == results["entering_sha256_after"]
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    assert record["entering_sha256"] == results["entering_sha256_before"]
    assert record["trained_from"] == "encoder.layer.1"


def test_nothing_is_proved_where_nothing_is_frozen(make_model: Make, tmp_path: Path) -> None:
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, "all")
    trainer.train()
    assert find_freezing(trainer).results() == {}
    assert not (tmp_path / RECORD_FILE).exists()


def test_a_state_that_moved_is_an_error(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-text/bert-linear")
    trainer = trainer_for(model, tmp_path, "encoder.layer.1")
    model.backbone.embeddings.LayerNorm.eps = 0.5  # what the checksum of weights does not see
    with pytest.raises(RuntimeError, match=r"What enters encoder\.layer\.1, the first trained layer, has changed"):
        trainer.train()


def resumed(trainer: Any, model: BackboneClassifier) -> FreezeCallback:
    """Go through the events of a run that is resumed."""
    callback = find_freezing(trainer)
    later = TrainerState(global_step=1)
    callback.on_train_begin(trainer.args, later, trainer.control, model=model)
    callback.on_train_end(trainer.args, later, trainer.control, model=model)
    return callback


def test_a_resumed_run_is_compared_with_its_first_start(
    make_model: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model("hfkit-text/bert-linear")
    first = trainer_for(model, tmp_path, "encoder.layer.1")
    first.train()
    record = FrozenRecord.read(tmp_path)
    assert record is not None
    assert resumed(trainer_for(model, tmp_path, "encoder.layer.1"), model).before == record

    replace(record, entering_sha256="another").write(tmp_path)
    with pytest.raises(RuntimeError, match="has changed"):
        resumed(trainer_for(model, tmp_path, "encoder.layer.1"), model)
    replace(record, frozen_sha256="another").write(tmp_path)
    with pytest.raises(RuntimeError, match="have changed"):
        resumed(trainer_for(model, tmp_path, "encoder.layer.1"), model)

    capsys.readouterr()
    replace(record, entering_sha256="another", computed_on={"machine": "another"}).write(tmp_path)
    resumed(trainer_for(model, tmp_path, "encoder.layer.1"), model)
    assert "is not compared with that of the first start" in capsys.readouterr().out
    (tmp_path / RECORD_FILE).unlink()
    resumed(trainer_for(model, tmp_path, "encoder.layer.1"), model)
    assert "no record of a first start" in capsys.readouterr().out


def test_a_shared_encoder_of_twelve_layers_is_recorded_in_order() -> None:
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=12, num_attention_heads=2, intermediate_size=8)
    model = TextClassifier(TextClassifierConfig(backbone_config=config))
    order = model.execution_order()
    layers = [name for name in order.first_calls if name.startswith("encoder.layer.") and name.count(".") == 2]
    assert layers == [f"encoder.layer.{index}" for index in range(12)]
    reached = [len(order.inputs_depend_on[layer]) for layer in layers]
    assert reached == list(range(reached[0], reached[0] + 12 * 16, 16)), "16 tensors a layer"
    assert frozen_checksum(model) == ""
