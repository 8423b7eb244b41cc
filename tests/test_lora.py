"""LoRA on every family: what moves, merging, what the cache stores, which layers it means, and what it refuses."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from test_frozen_layers import train_two_steps
from tiny import LABELS, inputs_for
from torch import nn
from transformers import BertConfig, GPT2Config

from hfkit.backbones.lora import LoraPlan, find_adapters, merge_adapters, save_adapter
from hfkit.backbones.lora_targets import choose_targets, is_part, linear_layers, why_no_adapters
from hfkit.errors import UserError
from hfkit.features.cache import CannotCacheError, find_start_layer
from hfkit.flags.arguments import TextModelArguments
from hfkit.freezing import FreezePlan, count_parameters
from hfkit.frozen_checksums import FrozenRecord, entering_checksum
from hfkit.models.base import BackboneClassifier
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.training.adapters import _check_logits

Make = Callable[[str], BackboneClassifier]
TEXTS = "bert distilbert roberta deberta modernbert albert qwen3 t5 electra mpnet xlm-roberta eurobert nomic gte xlm".split()
IMAGES = "deit/mean deit/two-heads timm/vit-linear timm/vit-map timm/dinov2 timm/dinov3 timm/eva02 timm/swin timm/twins".split()
IMAGES += [f"transformers-image/{name}" for name in ("vit", "dinov2", "dinov3", "siglip", "vit-class-token")]
NAMES = [f"hfkit-text/{name}-linear" for name in TEXTS] + ["hfkit-text/bert-bigru", "hfkit-text/modernbert-layers"]
NAMES += [f"hfkit-{name}" for name in IMAGES] + ["hfkit-timm/vit-linear-layers", "hfkit-fdvit/trained"]
QUICK = ("hfkit-text/bert-linear", "hfkit-text/qwen3-linear", "hfkit-transformers-image/vit")
FAMILIES = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)


def adapt(model: BackboneClassifier, *targets: str) -> FreezePlan:
    """Put adapters into a model, freeze the rest, and return the plan."""
    plan = FreezePlan("none", keep_batch_norm=True, lora=LoraPlan(rank=2, alpha=4, targets=targets or ("auto",)))
    torch.manual_seed(5)
    plan.apply(model)
    return plan


@pytest.mark.sweep
@FAMILIES
def test_adapters_and_head_move_and_nothing_else(name: str, make_model: Make) -> None:
    """Nor does what enters the first adapted layer, in training mode, too."""
    model = make_model(name)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    logits = model(**inputs_for(model)).logits
    adapt(model)
    torch.testing.assert_close(model(**inputs_for(model)).logits, logits)  # they start at zero
    assert {key.replace(".base_layer", "") for key in model.state_dict() if ".lora_" not in key} == before.keys()
    trains = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trains == {key for key in model.state_dict() if ".lora_" in key} | {
        key for key, _ in model.named_parameters() if key.startswith("classifier.")
    }
    record, weights = FrozenRecord.take(model), {key: tensor.clone() for key, tensor in model.named_parameters()}
    assert record.frozen_sha256
    assert record.entering_sha256
    train_two_steps(model)
    assert FrozenRecord.take(model) == record
    model.train()
    assert entering_checksum(model) == record.entering_sha256
    assert {key for key, parameter in model.named_parameters() if not torch.equal(parameter, weights[key])} == trains


@pytest.mark.sweep
@FAMILIES
def test_a_merged_model_is_an_ordinary_one(name: str, make_model: Make, tmp_path: Path) -> None:
    model, ordinary = make_model(name), make_model(name)
    adapt(model)
    train_two_steps(model)
    batch = inputs_for(model)
    logits = model.eval()(**batch).logits.detach()
    assert merge_adapters(model) > 0
    assert not find_adapters(model)
    assert not [module for module in model.modules() if type(module).__module__.startswith("peft")]
    assert [*model.state_dict()] == [*ordinary.state_dict()]
    assert [key for key, _ in model.named_modules()] == [key for key, _ in ordinary.named_modules()]
    _check_logits(logits.numpy(), model(**batch).logits.detach().numpy(), tmp_path)  # as at the end of a run
    moved = {
        key
        for key, tensor in model.backbone.state_dict().items()
        if not tensor.equal(ordinary.backbone.state_dict()[key])
    }
    assert moved == {f"{layer}.weight" for layer in choose_targets(ordinary, ["auto"])}
    model.save_pretrained(tmp_path)
    saved = type(model).from_pretrained(tmp_path).eval()
    ordinary.save_pretrained(tmp_path / "ordinary")
    files = [load_file(folder / "model.safetensors") for folder in (tmp_path, tmp_path / "ordinary")]
    assert files[0].keys() == files[1].keys()
    assert all(torch.equal(tensor, model.state_dict()[key]) for key, tensor in saved.state_dict().items())
    torch.testing.assert_close(saved(**batch).logits, model(**batch).logits)


@pytest.mark.sweep
@FAMILIES
def test_training_from_what_is_stored_is_training_the_whole(name: str, make_model: Make) -> None:
    """What is in front of the block with the first adapter runs once; gradients are those of the whole net."""
    model = make_model(name)
    adapt(model)
    for adapter in find_adapters(model).values():
        nn.init.normal_(adapter.lora_B["default"].weight, std=0.1)
    batch = inputs_for(model)
    try:
        layer = find_start_layer(model)
    except CannotCacheError:
        assert name in ("hfkit-text/xlm-linear", "hfkit-text/modernbert-layers", "hfkit-timm/vit-linear-layers")
        return
    assert f"{model.trained_from}.".startswith(f"{layer}.")
    with torch.no_grad():
        states = model.eval().forward_to(layer, **batch)
    mask = {key: tensor for key, tensor in batch.items() if key == "attention_mask"}
    gradients = []
    for inputs in (batch, {"states": states, **mask}):
        torch.manual_seed(0)
        model.zero_grad()
        model.start_layer = layer
        model.train()(**inputs, labels=torch.tensor([0, 1, 1])).loss.backward()
        gradients.append({key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() == {k for k, p in model.named_parameters() if p.requires_grad}
    for key, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][key], gradient, atol=1e-5, rtol=1e-4, msg=key)


# --- which layers ---


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("hfkit-text/bert-linear", {"query", "value"}),
        ("hfkit-text/deberta-linear", {"query_proj", "value_proj"}),
        ("hfkit-text/t5-linear", {"q", "v"}),
        ("hfkit-text/qwen3-linear", {"q_proj", "v_proj"}),
        ("hfkit-text/modernbert-bigru", {"Wqkv", "Wo", "Wi"}),
        ("hfkit-text/distilbert-linear", {"q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"}),
        ("hfkit-deit/two-heads", {"qkv", "proj", "fc1", "fc2"}),
        ("hfkit-transformers-image/vit", {"q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"}),
        ("hfkit-timm/vit-map", {"qkv", "proj", "fc1", "fc2"}),
    ],
)
def test_auto_is_what_peft_names_else_all_in_the_blocks(name: str, kinds: set[str], make_model: Make) -> None:
    model = make_model(name)
    plan = adapt(model)
    layers = [*find_adapters(model)]
    assert {layer.rpartition(".")[2] for layer in layers} == kinds
    assert not [layer for layer in layers if "attn_pool" in layer or "pooler" in layer]
    text = plan.describe(model)
    peft_knows = name.split("/")[1].split("-")[0] in ("bert", "deberta", "t5", "qwen3")
    assert ("peft's choice for" if peft_knows else "all in the blocks, of which peft names none") in text
    trainable, total = count_parameters(model)
    assert text.startswith(
        f"{trainable:,} of {total:,} parameters train ({trainable / total:.2%}): LoRA adapters of rank 2"
    )
    assert f"beside {len(layers)} linear layers" in text


def test_a_layer_that_is_never_called_gets_none(make_model: Make) -> None:
    """EVA-02 multiplies by the weight of its `qkv` itself: an adapter beside it would be silent."""
    model = make_model("hfkit-timm/eva02")
    assert "blocks.0.attn.qkv" not in linear_layers(model)
    with pytest.raises(UserError, match="--lora_targets qkv: no linear layer that runs stands there"):
        choose_targets(model, ["qkv"])
    assert "of which peft names none, but qkv, whose weights are used past the layers)" in adapt(model).describe(model)


def test_the_layers_of_gpt2_are_transposed() -> None:
    backbone = GPT2Config(vocab_size=120, n_embd=16, n_layer=2, n_head=2, n_positions=64)
    model = TextClassifier(TextClassifierConfig(backbone_config=backbone, max_length=32, **LABELS)).eval()
    adapt(model)
    assert [*find_adapters(model)] == ["h.0.attn.c_attn", "h.1.attn.c_attn"]
    train_two_steps(model)
    logits = model.eval()(**inputs_for(model)).logits
    merge_adapters(model)
    torch.testing.assert_close(model(**inputs_for(model)).logits, logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("targets", "layers"),
    [
        (["query"], ["encoder.layer.0.attention.self.query", "encoder.layer.1.attention.self.query"]),
        (
            ["backbone.encoder.layer.1.attention"],
            [f"self.{kind}" for kind in ("query", "key", "value")] + ["output.dense"],
        ),
        (["layer.1.output", "layer.0.attention.self.key"], ["layer.0.attention.self.key", "layer.1.output.dense"]),
        (["pooler"], ["pooler.dense"]),
    ],
)
def test_names_are_whole_parts_in_order_of_execution(targets: list[str], layers: list[str], make_model: Make) -> None:
    chosen = choose_targets(make_model("hfkit-text/bert-linear"), targets)
    assert len(chosen) == len(layers)
    assert all(name.endswith(end) for name, end in zip(chosen, layers, strict=True))


def test_layer_1_is_not_layer_11() -> None:
    assert is_part("layer.1", "encoder.layer.1.output.dense")
    assert not is_part("layer.1", "encoder.layer.11.output.dense")
    assert not is_part("key", "attention.self.key_proj")
    assert is_part("encoder.layer.1.output.dense", "encoder.layer.1.output.dense")


def test_the_cache_goes_up_to_the_first_adapted_block() -> None:
    config = BertConfig(
        vocab_size=120, hidden_size=16, num_hidden_layers=12, num_attention_heads=2, intermediate_size=32
    )
    model = TextClassifier(TextClassifierConfig(backbone_config=config, pooling="mean", max_length=32, **LABELS)).eval()
    adapt(model, "encoder.layer.10", "layer.11.attention")
    assert model.trained_from == "encoder.layer.10.attention.self.query"
    assert find_start_layer(model) == "encoder.layer.10.attention"
    assert len(find_adapters(model)) == 10


@pytest.mark.parametrize(
    ("target", "nearest"),
    [("querry", "nearest: query"), ("layer.7", "nearest: "), ("LayerNorm", "no linear layer that runs stands there")],
)
def test_an_unknown_name_is_an_error_with_the_nearest(target: str, nearest: str, make_model: Make) -> None:
    with pytest.raises(
        UserError, match=rf"--lora_targets {target}: .*{nearest}.*Write auto, or names such as query, key"
    ) as error:
        adapt(make_model("hfkit-text/bert-linear"), "value", target)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "hfkit-vgg/flat",
            "the backbone has no linear layers in its blocks; write --unfreeze_from and a layer, such as features",
        ),
        ("hfkit-densenet/mlp", "has no linear layers in its blocks"),
        ("hfkit-timm/resnet", "the backbone has no linear layers in its blocks"),
        ("hfkit-timm/efficientnet", "the backbone has no linear layers in its blocks"),
        ("hfkit-token-learner/fused", "starts at random, and adapters would leave it so"),
        (
            "hfkit-fdvit/code",
            r"decoder that restores tokens starts at random \(--reconstruction_weight 0 leaves it out\)",
        ),
    ],
)
def test_what_adapters_cannot_train_is_refused(name: str, reason: str, make_model: Make) -> None:
    model = make_model(name)
    with pytest.raises(UserError, match=rf"--peft lora: .*{reason}"):
        adapt(model)
    assert why_no_adapters(model)
    with pytest.raises(UserError, match=rf"--peft lora: .*{reason}"):
        adapt(model, "blocks")
    assert not find_adapters(model)


# --- modes ---


def test_a_dropout_works_where_its_module_holds_an_adapter(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-linear")
    adapt(model)
    model.train()
    awake = {name for name, module in model.backbone.named_modules() if module.training}
    assert {"encoder.layer.0.attention.self.dropout", "encoder.layer.1.attention.self"} <= awake
    asleep = (
        "embeddings.dropout",
        "encoder.layer.0.attention.output.dropout",
        "encoder.layer.1.output.dropout",
        "pooler",
    )
    assert not awake.intersection(asleep)
    assert model.classifier.dropout.training
    model.eval()
    assert not any(module.training for module in model.modules())


def test_layers_that_run_again_have_one_adapter(make_model: Make) -> None:
    """ALBERT runs one layer for all; what enters its first run is frozen."""
    model = make_model("hfkit-text/albert-linear")
    adapt(model, "query")
    [name] = find_adapters(model)
    assert model.trained_from == name == "encoder.albert_layer_groups.0.albert_layers.0.attention.query"


def test_adapters_are_put_in_once(make_model: Make) -> None:
    model, other = make_model("hfkit-text/bert-linear"), make_model("hfkit-text/bert-linear")
    plan = adapt(model)
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    plan.apply(model)
    assert all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    adapt(other)
    assert all(torch.equal(tensor, state[key]) for key, tensor in other.state_dict().items())


@pytest.mark.parametrize(
    "name",
    [
        "hfkit-text/bert-linear",
        "hfkit-text/qwen3-linear",
        "hfkit-deit/two-heads",
        "hfkit-transformers-image/vit",
        pytest.param("hfkit-transformers-image/dinov3", marks=pytest.mark.slow),
        pytest.param("hfkit-timm/swin", marks=pytest.mark.slow),
    ],
)
def test_activations_are_computed_again_and_the_same_is_learned(name: str, make_model: Make) -> None:
    """Also where nothing that enters the first block requires a gradient."""
    plain = make_model(name)
    adapt(plain)
    checkpointed = copy.deepcopy(plain)
    checkpointed.activation_checkpointing_enable()
    calls = {}
    for model in (plain, checkpointed):
        seen: list[Any] = []
        adapter = model.backbone.get_submodule(model.trained_from)
        adapter.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        train_two_steps(model)
        calls[model] = len(seen)
    assert calls[checkpointed] == 2 * calls[plain] == 4
    for (key, tensor), other in zip(plain.state_dict().items(), checkpointed.state_dict().values(), strict=True):
        torch.testing.assert_close(other, tensor, atol=1e-6, rtol=1e-5, msg=key)


# --- the adapter alone ---


@pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-deit/two-heads"])
def test_peft_reads_the_adapter(name: str, make_model: Make, tmp_path: Path) -> None:
    model, ordinary = make_model(name), make_model(name)
    adapt(model)
    train_two_steps(model)
    save_adapter(model, tmp_path / "adapter", "org/base")
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    merge_adapters(model)
    wrapped = PeftModel.from_pretrained(ordinary.backbone, str(tmp_path / "adapter"))
    assert wrapped.peft_config["default"].base_model_name_or_path == "org/base"
    merged = wrapped.merge_and_unload().state_dict()
    for key, tensor in model.backbone.state_dict().items():
        torch.testing.assert_close(merged[key], tensor, atol=1e-7, rtol=1e-6, msg=key)


def test_the_plan_of_the_flags() -> None:
    assert FreezePlan.from_flags(TextModelArguments(unfreeze_from="none")).trains_head_alone
    flags = TextModelArguments(unfreeze_from="none", peft="lora", lora_rank=4, lora_targets=["query", "key"])
    plan = FreezePlan.from_flags(flags)
    assert plan.lora == LoraPlan(4, 16, ("query", "key"))
    assert not plan.trains_head_alone
