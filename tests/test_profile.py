"""What a model costs, against closed forms."""

from collections.abc import Callable

import pytest
import torch
from tiny import LABELS, TINY
from torch import nn
from transformers import BertConfig
from typer.testing import CliRunner

from hfkit import profile
from hfkit.backbones.find import find_model
from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.models.base import BackboneClassifier
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.models.timm_backbone import TimmClassifier, TimmClassifierConfig
from hfkit.models.vgg import VggClassifier, VggClassifierConfig

Make = Callable[[str], BackboneClassifier]


@pytest.mark.parametrize("head", ["linear", "bigru"])
def test_multiply_accumulates_of_an_encoder(head: str) -> None:
    """12 N D^2 + 2 N^2 D a layer; the pooler's D^2, or 3 (D U + U^2) for each token and direction of the BiGRU."""
    tokens, width, layers, units = 20, 32, 3, 8
    encoder = BertConfig(
        vocab_size=50, hidden_size=width, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=4 * width
    )
    config = TextClassifierConfig(
        backbone_config=encoder, head=head, head_hidden_size=units, max_length=tokens, **LABELS
    )
    macs, attention = profile.count_macs(TextClassifier(config))
    assert attention == layers * 2 * tokens**2 * width
    ends = {"linear": width**2 + 2 * width, "bigru": tokens * 2 * 3 * (width * units + units**2) + 2 * 2 * units}
    assert macs == layers * (12 * tokens * width**2 + 2 * tokens**2 * width) + ends[head]


def test_multiply_accumulates_of_convolutions() -> None:
    """9 C_in C_out at each place, and the head."""
    model = VggClassifier(VggClassifierConfig(layers=[4, "M", 6, 8, "M"], image_size=16, head="linear", **LABELS))
    places = 9 * 3 * 4 * 16**2 + 9 * (4 * 6 + 6 * 8) * 8**2
    assert profile.count_macs(model) == (places + 8 * 4 * 4 * 2, 0)


def test_activation_memory_grows_with_the_layers() -> None:
    """A ReLU behind a linear layer keeps its input once more; parameters do not count, nor what eval mode would keep."""

    def model(depth: int) -> TimmClassifier:
        options = {"patch_size": 8, "embed_dim": 16, "depth": depth, "num_heads": 2}
        config = TimmClassifierConfig(
            backbone_name="vit_tiny_patch16_224", backbone_options=options, image_size=32, head="linear", **LABELS
        )
        return TimmClassifier(config)

    one, two, three = (profile.activation_bytes(model(depth)) for depth in (1, 2, 3))
    assert two - one == three - two > 0
    # A block keeps at least what enters its two norms, its four linear layers and its activation: 17 tokens in float32.
    assert two - one >= 4 * 17 * (2 + 1 + 1 + 1 + 4 + 4) * 16


def test_activation_memory_against_the_closed_form() -> None:
    """Of one convolution with ReLU and pooling: the image, the map once, the places of its maxima, the features, the loss."""
    config = VggClassifierConfig(layers=[4, "M"], image_size=16, head="linear", head_dropout=0.0, **LABELS)
    image, places, features = 4 * 3 * 16**2, 8 * 4 * 8**2, 4 * 4 * 8**2
    convolved = 4 * 4 * 16**2
    loss = 4 * 2 + 8 + 4 // 2  # log-probabilities, label, and half of the sum of weights that two rows share
    assert profile.activation_bytes(VggClassifier(config)) == image + convolved + places + features + loss


def test_published_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of FDViT without what only its training uses, as the paper counts."""
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    cost = profile.profile_model(find_model("fdvit_ti", []), batch_sizes=(1,))
    assert cost.backbone_parameters == 4_342_420
    assert round(cost.macs / 1e9, 2) == 0.82


@pytest.mark.sweep
@pytest.mark.parametrize("name", TINY)
def test_every_family_has_a_profile(name: str, make_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    model = make_model(name)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    cost = profile.profile_model(model, batch_sizes=(2,))
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items()), "it is only looked at"
    model.drop_training_parts()
    assert cost.backbone_parameters + cost.head_parameters == sum(p.numel() for p in model.parameters())
    assert cost.macs > cost.attention_macs >= 0
    assert cost.activation_bytes > 0
    assert cost.milliseconds[2] > 0


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "SECONDS", 0.0)
    argv = ["profile", "vit_tiny_patch16_224", "--image_size", "32", "--token_learner_tokens", "2"]
    shown = CliRunner().invoke(app, argv)
    assert shown.exit_code == 0, shown.output
    assert "3x32x32" in shown.stdout
    for line in ("multiply-accumulates", "attention products", "batches of 32"):
        assert line in shown.stdout
    with pytest.raises(UserError, match="There is no model nothing/here"):
        find_model("nothing/here", [])
    with pytest.raises(UserError, match="Unknown flag 'nonsense'"):
        find_model("vgg19", ["--nonsense", "1"])


def test_a_saved_model_has_the_same_profile(make_model: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("model")
    model = make_model("hfkit-fdvit/code")
    model.save_pretrained(folder)
    loaded = find_model(str(folder), [])
    assert type(loaded) is type(model)
    assert profile.count_macs(loaded) == profile.count_macs(model)
    with pytest.raises(UserError, match="leave out --image_size 96"):
        find_model(str(folder), ["--image_size", "96"])
    with pytest.raises(UserError, match="--revision is for a Hub id"):
        find_model("vgg19", [], "main")
    assert isinstance(loaded.classifier, nn.Module)
    assert next(loaded.parameters()).dtype == torch.float32
