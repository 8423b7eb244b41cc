"""A head on several layers of an encoder: what it reads, and what is dropped behind the last of them."""

import ast
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import BERT, LABELS, TINY, encoder_configs, inputs_for, tiny_tokenizer
from torch import nn
from transformers import AutoModelForSequenceClassification, CanineConfig, LongformerConfig, OPTConfig

import hfkit
from hfkit.models.base import BackboneClassifier
from hfkit.models.heads import LayersHead
from hfkit.models.text import TextClassifier, TextClassifierConfig

Make = Callable[[str], BackboneClassifier]
QUICK = ("bert", "qwen3")
ENCODERS = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in encoder_configs()]
NORM_BEHIND = {"modernbert", "qwen3", "t5", "eurobert"}
OTHERS = {
    "longformer": LongformerConfig(**{**BERT, "max_position_embeddings": 80}, attention_window=[4, 4], pad_token_id=0),
    "opt": OPTConfig(
        vocab_size=120, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, ffn_dim=32, word_embed_proj_dim=16
    ),
}


def classifier(config: Any, **options: Any) -> TextClassifier:
    """Return a classifier whose norms and biases are not those of a new net."""
    torch.manual_seed(0)
    model = TextClassifier(
        TextClassifierConfig(backbone_config=config, head="layers", max_length=32, **LABELS, **options)
    )
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def test_features_are_the_pooled_states_of_each_layer(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-layers")
    batch = inputs_for(model)
    states = model.backbone(**batch, output_hidden_states=True).hidden_states
    features = model.features(**batch)
    mask = batch["attention_mask"][:, :, None]
    groups = model.feature_groups()
    assert [(group.layer, group.pooling) for group in groups] == [
        (layer, pooling) for layer in range(3) for pooling in ("mean", "first")
    ]
    assert features.shape == (3, model.feature_size)
    for group in groups:
        columns = features[:, group.start : group.start + group.width]
        state = states[group.layer]
        expected = state[:, 0] if group.pooling == "first" else (state * mask).sum(1) / mask.sum(1)
        torch.testing.assert_close(columns, expected)
    assert sum(group.width for group in groups) == model.feature_size


def test_last_tokens_of_a_causal_model_by_default() -> None:
    configs = encoder_configs()
    for encoder, poolings in (("qwen3", ["mean", "last"]), ("t5", ["mean", "first"])):
        assert TextClassifierConfig(backbone_config=configs[encoder], head="layers").poolings == poolings


def test_other_heads_have_no_groups(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-linear")
    assert model.feature_groups() == []
    assert model.drop_unused_layers() is None
    with pytest.raises(ValueError, match="a head linear reads no chosen layers"):
        model.keep_layers([0], ["mean"])


def test_keep_layers_builds_a_head_of_the_right_size(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-layers")
    batch = inputs_for(model)
    whole, groups = model.features(**batch), model.feature_groups()
    model.keep_layers([2, 0], ["first"])
    kept = [group for layer in (2, 0) for group in groups if (group.layer, group.pooling) == (layer, "first")]
    expected = torch.cat([whole[:, group.start : group.start + group.width] for group in kept], dim=1)
    assert torch.equal(model.features(**batch), expected)
    assert model.classifier.linear.weight.shape == (2, model.feature_size) == (2, 32)
    assert model.classifier.linear.bias.abs().max() == 0
    assert 0 < model.classifier.linear.weight.std() < 0.1
    assert "hidden states 2, 0" in model.describe_head()


@pytest.mark.parametrize(
    ("layers", "poolings", "message"),
    [
        ([3], ["mean"], r"layers is 3: write different numbers from 0 \(the embeddings\) to 2"),
        ([1, 1], ["mean"], "layers is 1 1"),
        ([], ["mean"], "layers is empty"),
        ([-1], ["mean"], "layers is -1"),
        ([1], ["pooler"], "poolings is pooler: write one or more of mean, first, last"),
        ([1], [], "poolings is empty"),
    ],
)
def test_layers_that_are_not_there(layers: list[int], poolings: list[str], message: str, make_model: Make) -> None:
    with pytest.raises(ValueError, match=message):
        make_model("hfkit-text/bert-layers").keep_layers(layers, poolings)
    config = encoder_configs()["bert"]
    with pytest.raises(ValueError, match=message):
        TextClassifierConfig(backbone_config=config, head="layers", layers=layers, poolings=poolings)


def test_fields_of_another_head_are_refused() -> None:
    with pytest.raises(ValueError, match="standardised is for the heads linear and layers, not for bigru"):
        TextClassifierConfig(head="bigru", standardised=True)
    for options in ({"layers": [1]}, {"poolings": ["mean"]}):
        with pytest.raises(ValueError, match="are for the head layers, not for linear"):
            TextClassifierConfig(**options)
    with pytest.raises(ValueError, match="pooling 'mean' of the head layers"):
        TextClassifierConfig(head="layers", pooling="mean")


def test_an_encoder_whose_states_are_not_one_a_token_is_refused() -> None:
    sizes = {key: BERT[key] for key in BERT if key != "vocab_size"}
    model = classifier(CanineConfig(**sizes, num_hash_buckets=16))
    with pytest.raises(ValueError, match=r"needs 3 hidden states of the shape .* and the encoder gives 7"):
        model(**inputs_for(model))


@pytest.mark.parametrize("encoder", [*ENCODERS, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_unused_layers_are_dropped(encoder: str, tmp_path: Path) -> None:
    """The state of the last layer that stays is the raw one of the whole net; the saved model is smaller and loads."""
    model = classifier({**encoder_configs(), **OTHERS}[encoder])
    batch = inputs_for(model)
    last = model.config.backbone_config.num_hidden_layers - 1
    state = model.backbone(**batch, output_hidden_states=True).hidden_states[last]
    model.keep_layers([0, last], ["mean", "last"])
    model.backbone.requires_grad_(False)
    logits, size = model(**batch).logits, model.num_parameters()
    model.save_pretrained(tmp_path / "whole")
    report = model.drop_unused_layers()
    assert (report.dropped, report.layers, report.reason) == (1, last, "")
    assert report.dropped_parameters == size - model.num_parameters()
    assert "are not used and are dropped" in report.sentence()
    # The weights are equal to the bit; their alignment in memory may move a state's last bit.
    close = partial(torch.testing.assert_close, atol=1e-6, rtol=1e-6)
    close(model.backbone(**batch, output_hidden_states=True).hidden_states[last], state)
    close(model(**batch).logits, logits)
    assert model.config.final_norm == (encoder not in {*NORM_BEHIND, "opt"})
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert not any(module.training for module in model.modules())
    assert model.drop_unused_layers() is None
    model.save_pretrained(tmp_path / "cut")
    files = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "cut")]
    assert files[1] < files[0] or encoder == "albert", "its layers share their weights"
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "cut")
    close(loaded(**batch).logits, logits)
    assert loaded.config.backbone_config.num_hidden_layers == last


def test_embeddings_alone_need_one_layer(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-layers")
    model.keep_layers([0], ["mean"])
    logits = model(**inputs_for(model)).logits
    assert model.drop_unused_layers().layers == 1
    assert torch.equal(model(**inputs_for(model)).logits, logits)


def test_all_layers_stay_where_the_features_would_change(make_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the model is another one then."""
    model = make_model("hfkit-text/qwen3-layers")
    model.keep_layers([1], ["mean"])
    before, config = model.state_dict(), model.config.to_dict()
    monkeypatch.setattr("hfkit.models.text_layers.find_final_norm", lambda _: None)
    report = model.drop_unused_layers()
    assert report.sentence() == (
        "All 2 layers stay: without those that the head does not read it would get other features."
    )
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(after[key] is tensor or torch.equal(after[key], tensor) for key, tensor in before.items())
    assert model.config.to_dict() == config


@pytest.mark.slow
def test_a_cut_model_runs_in_a_pipeline_from_its_own_code(tmp_path: Path) -> None:
    model = classifier(encoder_configs()["qwen3"])
    model.keep_layers([1], ["mean"])
    model.drop_unused_layers()
    model.save_pretrained(tmp_path)
    tiny_tokenizer(tmp_path).save_pretrained(tmp_path)
    own = hfkit.load_pipeline(str(tmp_path))("garlic cures the virus")
    code = f"""import sys
from transformers import pipeline
print(pipeline("text-classification", model={str(tmp_path)!r}, trust_remote_code=True)("garlic cures the virus"))
assert "hfkit" not in sys.modules"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ast.literal_eval(process.stdout.strip().splitlines()[-1]) == own


def test_configs_without_the_new_fields_are_as_before(make_model: Make) -> None:
    """Of models that were saved earlier."""
    config = make_model("hfkit-text/bert-linear").config.to_dict()
    for field in ("layers", "poolings", "standardised", "final_norm"):
        del config[field]
    old = TextClassifierConfig.from_dict(config)
    model, other = TextClassifier(old), TINY["hfkit-text/bert-linear"]()
    assert [*model.state_dict()] == [*other.state_dict()]
    assert old.final_norm
    assert old.layers is None


def test_a_standardised_head() -> None:
    torch.manual_seed(0)
    head = LayersHead(4, 2, standardised=True).eval()
    features = 5 + 3 * torch.randn(6, 4)
    torch.testing.assert_close(head(features), head.linear(features))
    head.mean.copy_(features.mean(0))
    head.scale.copy_(features.std(0))
    scaled = (features - features.mean(0)) / features.std(0)
    torch.testing.assert_close(head(features), head.linear(scaled))
    assert [*LayersHead(4, 2).state_dict()] == ["linear.weight", "linear.bias"]
    assert isinstance(head.dropout, nn.Dropout)
