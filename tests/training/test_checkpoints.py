"""Checkpoints in mid-training: what is saved comes back whole, under whatever names the backbone's checkpoint had."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_freezing import state, trainer_for

from hfkit.backbones.lora import LoraPlan
from hfkit.errors import UserError
from hfkit.models.base import BackboneClassifier

Make = Callable[[str], BackboneClassifier]
RENAMED = (
    "hfkit-text/nomic-linear",
    "hfkit-text/gte-linear",
    "hfkit-transformers-image/vit",
    "hfkit-transformers-image/dinov3",
)
"""Nets that transformers saves under other names than those of their modules."""
SLOW = [
    pytest.param(name, marks=pytest.mark.slow) for name in (*RENAMED[:2], RENAMED[3], "hfkit-transformers-image/dinov2")
]


@pytest.mark.parametrize("adapts", [False, True])
@pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-text/t5-linear", RENAMED[2], *SLOW])
def test_a_checkpoint_comes_back_whole(name: str, adapts: bool, make_model: Make, tmp_path: Path) -> None:
    plan = {"unfreeze_from": "none", "lora": LoraPlan()} if adapts else {"unfreeze_from": "all"}
    trainer = trainer_for(make_model(name), tmp_path, **plan, save_strategy="steps", save_steps=2)
    trainer.train()
    model = trainer.model
    trained = state(model)
    for load in (lambda: trainer._load_from_checkpoint(str(tmp_path / "checkpoint-2")), trainer._load_best_model):
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
        trainer.state.best_model_checkpoint = str(tmp_path / "checkpoint-2")
        load()
        assert all(torch.equal(tensor, trained[key]) for key, tensor in model.state_dict().items())
    if not adapts:  # it can be looked at like a saved model
        saved = type(model).from_pretrained(tmp_path / "checkpoint-2").state_dict()
        assert all(torch.equal(tensor, trained[key]) for key, tensor in saved.items())


def test_a_checkpoint_of_another_model_is_refused(make_model: Make, tmp_path: Path) -> None:
    """The Trainer would go on with what it has, and a warning."""
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, save_strategy="steps", save_steps=2)
    trainer.train()
    file = tmp_path / "checkpoint-2" / "model.safetensors"
    tensors = {key.replace("layer.1", "layers.1"): tensor for key, tensor in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"does not hold the weights of this model: backbone.encoder.layer.1"):
        trainer._load_from_checkpoint(str(tmp_path / "checkpoint-2"))
