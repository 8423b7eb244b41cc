"""Activation checkpointing: it changes nothing in what is learned, and fewer tensors are kept for the backward pass."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from tiny import LABELS, inputs_for
from torch import nn

from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.models.checkpointing import can_checkpoint
from hfkit.models.timm_backbone import TimmClassifier, TimmClassifierConfig
from hfkit.profile import activation_bytes

Make = Callable[[str], BackboneClassifier]
SUPPORTED = pytest.mark.parametrize(
    "name",
    [
        "hfkit-timm/vit-linear",
        "hfkit-timm/efficientnet",
        "hfkit-timm/resnet",
        "hfkit-timm/convnext",
        "hfkit-timm/swin",
        "hfkit-token-learner/fused",
        "hfkit-transformers-image/vit",
        "hfkit-transformers-image/convnextv2",
    ],
)
SOME = pytest.mark.parametrize(
    "name", ["hfkit-timm/vit-linear", "hfkit-timm/efficientnet", "hfkit-transformers-image/dinov3"]
)


def train(model: BackboneClassifier, steps: int = 2) -> dict[str, torch.Tensor]:
    """Train some steps, with the dropouts that are drawn in the order of the layers, and return what is learned."""
    torch.manual_seed(0)
    model.train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        model(**inputs_for(model), labels=torch.tensor([0, 1, 1])).loss.backward()
        optimizer.step()
    return model.state_dict()


def both(model: BackboneClassifier, **options: Any) -> tuple[BackboneClassifier, BackboneClassifier]:
    """Return a model, and a copy with checkpointing."""
    checkpointed = copy.deepcopy(model)
    checkpointed.activation_checkpointing_enable(**options)
    assert checkpointed.is_activation_checkpointing
    return model, checkpointed


@SUPPORTED
def test_the_same_is_learned(name: str, make_model: Make) -> None:
    """BatchNorm's statistics count each batch once."""
    compare(*both(make_model(name)))


@SOME
def test_the_same_is_learned_behind_frozen_layers(name: str, make_model: Make) -> None:
    model = make_model(name)
    stages = model.stages()
    FreezePlan(stages[len(stages) // 2]).apply(model)
    compare(*both(model))


def compare(plain: BackboneClassifier, checkpointed: BackboneClassifier) -> None:
    expected = {key: tensor.clone() for key, tensor in train(plain).items()}
    for key, tensor in train(checkpointed).items():
        torch.testing.assert_close(tensor, expected[key], atol=1e-6, rtol=1e-5, msg=key)


@SUPPORTED
def test_less_is_kept(name: str, make_model: Make) -> None:
    plain, checkpointed = both(make_model(name))
    kept = activation_bytes(checkpointed)
    assert kept < activation_bytes(plain)
    checkpointed.activation_checkpointing_disable()
    assert activation_bytes(checkpointed) == activation_bytes(plain)


def test_every_other_block(make_model: Make) -> None:
    plain, checkpointed = both(make_model("hfkit-timm/vit-linear"))
    _, half = both(plain, every_n_layers=2)
    assert activation_bytes(checkpointed) < activation_bytes(half) < activation_bytes(plain)


@pytest.mark.parametrize(
    "name", ["hfkit-timm/vit-linear", "hfkit-timm/efficientnet", "hfkit-timm/swin", "hfkit-transformers-image/dinov3"]
)
def test_a_stage_is_entered_with_it(name: str, make_model: Make) -> None:
    """The feature cache trains what is behind the frozen part: in blocks, too."""
    plain, checkpointed = both(make_model(name))
    model = checkpointed.train()
    batch = inputs_for(model)
    names = model.split_points()
    model.start_layer = names[len(names) // 2]
    with torch.no_grad():
        states = model.eval().forward_to(model.start_layer, **batch)
    plain.start_layer = model.start_layer
    for item in (plain, model):
        torch.manual_seed(0)
        item.train()(states=states, labels=torch.tensor([0, 1, 1])).loss.backward()
    for (key, ours), (_, theirs) in zip(model.named_parameters(), plain.named_parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), key
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, msg=key)


@pytest.mark.parametrize("name", ["hfkit-vgg/flat", "hfkit-densenet/mlp", "hfkit-fdvit/code"])
def test_families_that_cannot(name: str, make_model: Make) -> None:
    model = make_model(name)
    assert not model.supports_gradient_checkpointing
    with pytest.raises(ValueError, match="does not support"):
        model.activation_checkpointing_enable()


def test_nets_of_timm_that_cannot() -> None:
    """One that runs as a whole and has BatchNorm would move its statistics twice; another says that it cannot."""
    with torch.device("meta"):
        regnet = TimmClassifier(TimmClassifierConfig(backbone_name="regnetx_002", **LABELS))
        refusing = timm.create_model("dla34")
    assert len(regnet.steps()) == 1
    assert any(isinstance(module, nn.BatchNorm2d) for module in regnet.backbone.modules())
    assert not regnet.supports_gradient_checkpointing
    assert not can_checkpoint(refusing, in_steps=True)
