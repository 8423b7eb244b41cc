"""Configurations from strangers whose backbone is no text model: nothing that they name is read."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_client import Client, write_small
from safetensors.torch import save_file
from tiny import tiny_tokenizer
from transformers import CanineConfig

from hfkit import load_pipeline
from hfkit.backbones.find import find_model
from hfkit.errors import UserError
from hfkit.models.encoders import load_encoder
from hfkit.models.text import TextClassifierConfig

SENTENCE = "config.json has checkpoint_path, which would load something else"
NO_TEXT_MODELS: list[dict[str, Any]] = [
    {"model_type": "timm_wrapper"},
    {"model_type": "timm_wrapper", "vocab_size": 100},
    {"model_type": "timm_backbone"},
    {"model_type": "gemma3n_vision"},  # a wrapper with a vocabulary
    {"model_type": "pe_video"},  # has a wrapper inside
    {"model_type": "vit"},
    {"model_type": "clip"},
    {"model_type": "hfkit-timm"},
    {"model_type": "encoder-decoder"},
    {"model_type": "rag"},
    {"model_type": "splinter"},  # reads texts, and is listed neither as an encoder nor as a classifier
]


class Evil:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.mark), "w")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a folder with a text model whose backbone is a net of timm with a pickle for its weights."""
    pickled = tmp_path / "evil.pth"
    pickled.write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    arguments = {"checkpoint_path": str(pickled)}
    backbone = {"model_type": "timm_wrapper", "architecture": "test_resnet", "num_classes": 2, "model_args": arguments}
    config = {"model_type": "hfkit-text", "id2label": {"0": "a", "1": "b"}, "backbone_config": backbone}
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    weights = (tmp_path / "model.safetensors").read_bytes()
    folder = write_small(tmp_path / "model", {"config.json": json.dumps(config).encode(), "model.safetensors": weights})
    tiny_tokenizer(folder).save_pretrained(folder)
    return folder


def test_a_wrapper_under_a_text_model_is_refused(hostile: Path, client: Client) -> None:
    config = json.loads((hostile / "config.json").read_text())
    with pytest.raises(ValueError, match=SENTENCE):
        TextClassifierConfig(backbone_config=config["backbone_config"])
    with pytest.raises(ValueError, match=SENTENCE):
        load_pipeline(str(hostile))
    with pytest.raises(UserError, match=rf"cannot be loaded \({SENTENCE}"):
        find_model(str(hostile), [])
    client("push_helpers:upload", hostile, "me/wrapper")
    findings = {what: (well, text) for what, well, text in client("push_helpers:check", "me/wrapper", False)}
    assert findings["prediction"][0] is False
    assert SENTENCE in findings["references"][1]
    assert not (hostile.parent / "ran").exists()


def test_a_wrapper_for_an_encoder_is_refused(hostile: Path) -> None:
    """The same configuration as a backbone of its own."""
    backbone = json.loads((hostile / "config.json").read_text())["backbone_config"]
    (hostile / "config.json").write_text(json.dumps(backbone))
    with pytest.raises(ValueError, match=SENTENCE):
        load_encoder(str(hostile))
    with pytest.raises(UserError, match=SENTENCE):
        find_model(str(hostile), [])
    assert not (hostile.parent / "ran").exists()


@pytest.mark.parametrize("backbone", NO_TEXT_MODELS, ids=lambda backbone: "-".join(map(str, backbone.values())))
def test_what_reads_no_texts_is_refused(backbone: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="reads no texts"):
        TextClassifierConfig(backbone_config=backbone)


@pytest.mark.parametrize("model_type", ["nothing", ["bert"], None])
def test_unknown_types_are_named(model_type: object) -> None:
    with pytest.raises(ValueError, match=r"model_type .* is none that transformers knows"):
        TextClassifierConfig(backbone_config={"model_type": model_type})


def test_text_models_remain() -> None:
    for model_type in ("bert", "xlnet", "distilbert", "esm", "xlm", "funnel", "t5", "mpt"):
        assert TextClassifierConfig(backbone_config={"model_type": model_type}).backbone_config is not None
    assert TextClassifierConfig(backbone_config=CanineConfig()).backbone_config is not None
