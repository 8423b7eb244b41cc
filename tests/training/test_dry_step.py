"""The step before training: what it refuses, what it runs otherwise, and that it leaves the model as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Run, read_notes
from datasets import Dataset, DatasetDict
from tiny import BERT, IMAGE_NAMES, LABELS
from transformers import (
    AutoModel,
    CanineConfig,
    DebertaConfig,
    FNetConfig,
    LongformerConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    SqueezeBertConfig,
    default_data_collator,
)

from hfkit.errors import UserError
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.task import Task
from hfkit.training.dry_step import take_dry_step

CPU = torch.device("cpu")
ODD: dict[str, PreTrainedConfig] = {
    "fnet": FNetConfig(**{k: v for k, v in BERT.items() if k != "num_attention_heads"}, tpu_short_seq_length=64),
    "canine": CanineConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_hash_buckets=64,
        num_hash_functions=2,
        local_transformer_stride=16,
    ),
    "squeezebert": SqueezeBertConfig(**BERT, embedding_size=16),
    "deberta-v1": DebertaConfig(**BERT, relative_attention=True, pos_att_type=["p2c", "c2p"]),
    "longformer": LongformerConfig(**BERT, attention_window=[4, 4], pad_token_id=0),
}


def make_task(model: BackboneClassifier) -> Task:
    """Return a task with eight random rows."""
    generator = np.random.default_rng(0)
    labels = [row % 2 for row in range(8)]
    if isinstance(model, TextClassifier):
        columns: dict[str, Any] = {"input_ids": generator.integers(5, 100, (8, 12)).tolist()}
        columns |= {"attention_mask": [[1] * 12] * 8, "length": [12] * 8, "labels": labels}
        inputs = Dataset.from_dict(columns)
    else:
        size = model.config.image_size
        pixels = generator.random((8, 3, size, size), np.float32)
        inputs = Dataset.from_dict({"pixel_values": pixels, "labels": labels}).with_format("torch")
    rows = DatasetDict(train=Dataset.from_dict({"label": labels}))
    task = Task.__new__(Task)  # the rest of a task says nothing here
    task.model, task.inputs, task.rows, task.collator = model, DatasetDict(train=inputs), rows, default_data_collator
    return task


def odd_model(name: str, head: str) -> TextClassifier:
    torch.manual_seed(0)
    config = TextClassifierConfig(backbone_config=ODD[name], head=head, head_hidden_size=6, max_length=32, **LABELS)
    return TextClassifier(config)


@pytest.mark.parametrize("name", ["fnet", "canine"])
def test_logits_that_depend_on_padding_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"The logits of \w+ depend on padding"):
        take_dry_step(make_task(odd_model(name, "bigru")), None, CPU)


def test_numbers_that_do_not_fit_bfloat16_are_run_in_float32() -> None:
    step = take_dry_step(make_task(odd_model("deberta-v1", "linear")), torch.bfloat16, CPU)
    assert "without overflow" in step.failed_precision
    [note] = step.notes("bfloat16")
    assert note.code == "precision"
    assert note.text.startswith("Precision: float32, since a step in bfloat16 fails (")
    assert not take_dry_step(make_task(odd_model("deberta-v1", "linear")), None, CPU).failed_precision


def test_parameters_without_gradient_are_named() -> None:
    step = take_dry_step(make_task(odd_model("longformer", "linear")), None, CPU)
    assert any("query_global" in name for name in step.without_gradient)
    assert "No gradient reaches backbone.encoder.layer.0.attention.self.query_global" in read_notes(step.notes(""))[0]


def test_a_net_that_cannot_run_is_refused() -> None:
    model = odd_model("squeezebert", "bigru")
    model.backbone.encoder = None
    with pytest.raises(UserError, match="The backbone SqueezeBertModel with this head cannot be trained"):
        take_dry_step(make_task(model), None, CPU)


@pytest.mark.sweep
@pytest.mark.parametrize("unfreeze_from", ["all", "none"])
@pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-text/modernbert-bigru", *IMAGE_NAMES])
def test_the_step_leaves_everything_as_it_was(
    name: str, unfreeze_from: str, make_model: Callable[[str], BackboneClassifier]
) -> None:
    model = make_model(name)
    FreezePlan(unfreeze_from).apply(model)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    random_state, training = torch.get_rng_state(), model.training
    step = take_dry_step(make_task(model), torch.bfloat16, CPU)
    assert step.failed_precision == ""
    assert step.without_gradient == []
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert model.training == training
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "head", "sentence"),
    [
        ("squeezebert", "bigru", "does not run under --head bigru"),
        ("canine", "bigru", "does not run under --head bigru"),  # a text of two tokens is too short for it
        ("fnet", "linear", "depend on padding"),
    ],
)
def test_a_recipe_refuses_such_a_backbone_with_a_sentence(
    name: str,
    head: str,
    sentence: str,
    run_fakenews: Callable[..., Run],
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    ODD[name].initializer_range = 0.5
    AutoModel.from_config(ODD[name]).save_pretrained(tmp_path / name)
    tokenizer.save_pretrained(tmp_path / name)
    with pytest.raises(UserError, match=sentence):
        run_fakenews("--backbone", str(tmp_path / name), "--head", head)
