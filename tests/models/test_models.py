"""The contract that every model family keeps, on tiny configurations."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import BERT, IMAGE_NAMES, LABELS, TEXT_NAMES, TINY, inputs_for
from torch import nn
from transformers import (
    BertConfig,
    BertForPreTraining,
    BertModel,
)

import hfkit.models
from hfkit.models import FAMILIES
from hfkit.models.base import BackboneClassifier
from hfkit.models.encoders import encode_in_parts
from hfkit.models.layer_groups import kept_groups
from hfkit.models.text import TextClassifier, TextClassifierConfig

Make = Callable[[str], BackboneClassifier]
ALL = pytest.mark.parametrize("name", TINY)
TEXT = pytest.mark.parametrize("name", TEXT_NAMES)
IMAGE = pytest.mark.parametrize("name", IMAGE_NAMES)


def auto_class(model: BackboneClassifier) -> Any:
    return FAMILIES[model.config.model_type].auto_class


def test_every_family_has_a_tiny_configuration() -> None:
    assert {name.split("/")[0] for name in TINY} == set(FAMILIES)


@ALL
def test_logits_and_loss(name: str, make_model: Make) -> None:
    model = make_model(name)
    batch = inputs_for(model)
    without = model(**batch)
    labels = torch.tensor([0, 1, 1])
    output = model(**batch, labels=labels)
    assert without.loss is None
    assert output.logits.shape == (3, model.config.num_labels)
    torch.testing.assert_close(output.loss, nn.functional.cross_entropy(output.logits, labels))


@ALL
def test_run_up_to_a_layer_and_from_it(name: str, make_model: Make) -> None:
    """The two halves give what the whole gives, at every split, in logits and in gradients of what trains behind it."""
    model = make_model(name)
    depends_on = model.execution_order().inputs_depend_on
    batch = inputs_for(model)
    mask = {key: batch[key] for key in ("attention_mask",) if key in batch}
    labels = torch.tensor([0, 1, 1])
    whole = model(**batch, labels=labels)
    whole.loss.backward()
    gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
    assert model.split_points()[-1] == "classifier"
    for stage in model.split_points():
        model.start_layer = stage
        with torch.no_grad():
            states = model.forward_to(stage, **batch)
        model.zero_grad()
        output = model(states=states, labels=labels, **mask)
        torch.testing.assert_close(output.logits, whole.logits)
        output.loss.backward()
        frozen = {f"backbone.{key}" for key in depends_on.get(stage, ())}
        for key, parameter in model.named_parameters():
            if parameter.grad is not None and key not in frozen:
                torch.testing.assert_close(parameter.grad, gradients[key], msg=f"{key} from {stage}")


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("hfkit-text/bert-linear", ["encoder.layer.0", "encoder.layer.1", "pooler"]),
        ("hfkit-text/bert-bigru", ["encoder.layer.0", "encoder.layer.1"]),
        ("hfkit-text/distilbert-linear", ["transformer.layer.0", "transformer.layer.1"]),
        # Behind the first layer of DeBERTa-v3 a convolution takes what entered that layer.
        ("hfkit-text/deberta-linear", ["encoder.layer.1"]),
        ("hfkit-text/mpnet-linear", ["encoder.layer.0", "encoder.layer.1", "pooler"]),
        ("hfkit-text/modernbert-linear", ["layers.0", "layers.1", "final_norm"]),
        ("hfkit-text/eurobert-linear", ["layers.0", "layers.1", "norm"]),
        ("hfkit-text/nomic-linear", ["layers.0", "layers.1"]),
        ("hfkit-text/gte-linear", ["layers.0", "layers.1"]),
        ("hfkit-text/albert-linear", ["encoder.embedding_hidden_mapping_in", "encoder.albert_layer_groups.0"]),
        ("hfkit-deit/mean", ["patch_embed", "blocks.0", "blocks.1", "norm"]),
        ("hfkit-timm/dinov2", ["patch_embed", "blocks.0", "blocks.1", "norm"]),
        ("hfkit-timm/dinov3", ["patch_embed", "blocks.0", "blocks.1", "norm"]),
        ("hfkit-timm/eva02", ["patch_embed", "blocks.0", "blocks.1", "fc_norm"]),
        ("hfkit-timm/swin", ["patch_embed", "layers.0", "layers.1", "norm"]),
        ("hfkit-timm/convnext", [f"stages.{stage}" for stage in range(4)] + ["norm_pre", "head"]),
        ("hfkit-timm/mobilenetv4", [f"blocks.{block}" for block in range(5)] + ["conv_head", "norm_head"]),
        # The positions of Twins are computed behind the first block of each stage.
        ("hfkit-timm/twins", ["patch_embeds.0", "blocks.0.0", "pos_block.0", "patch_embeds.1", "blocks.1.0"]),
        ("hfkit-densenet/mlp", ["features.denseblock1", "features.transition1", "features.denseblock2"]),
    ],
)
def test_layers_that_can_be_entered(name: str, layers: list[str], make_model: Make) -> None:
    """In order of execution."""
    points = make_model(name).split_points()
    start = points.index(layers[0])
    assert points[start : start + len(layers)] == layers
    assert points[-1] == "classifier"


@ALL
def test_every_parameter_gets_a_gradient(name: str, make_model: Make) -> None:
    model = make_model(name)
    model.train()
    model(**inputs_for(model), labels=torch.tensor([0, 1, 1])).loss.backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert not without


@ALL
def test_save_and_load_are_equal(name: str, make_model: Make, tmp_path: Path) -> None:
    model = make_model(name)
    model.save_pretrained(tmp_path)
    loaded = auto_class(model).from_pretrained(tmp_path)
    assert type(loaded) is type(model)
    assert not loaded.training
    batch = inputs_for(model)
    # The weights are equal to the bit; their alignment in memory may move a logit's last bit.
    torch.testing.assert_close(model(**batch).logits, loaded(**batch).logits, atol=1e-6, rtol=1e-6)
    before, after = model.state_dict(), loaded.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)
    buffers = dict(loaded.named_buffers())
    assert all(torch.equal(buffer, buffers[key]) for key, buffer in model.named_buffers())


@ALL
def test_config_round_trip(name: str, make_model: Make, tmp_path: Path) -> None:
    config = make_model(name).config
    config.save_pretrained(tmp_path)
    loaded = type(config).from_pretrained(tmp_path)
    left_out = {"architectures", "auto_map", "dtype", "transformers_version"}
    before, after = config.to_dict(), loaded.to_dict()
    assert {k: v for k, v in before.items() if k not in left_out} == {
        k: v for k, v in after.items() if k not in left_out
    }
    assert loaded.id2label == {0: "fake", 1: "real"}


@ALL
def test_saved_folder_carries_all_its_code(name: str, make_model: Make, tmp_path: Path) -> None:
    model = make_model(name)
    model.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    task = FAMILIES[model.config.model_type].task
    impl = model.config.custom_pipelines[task]["impl"].split(".")[0]
    own = {*(name.split(".")[0] for name in model.config.auto_map.values()), impl, "base", "heads"}
    own |= {"cleaning", "encoders"} if task == "text-classification" else {"image"}
    assert {f"{name}.py" for name in own} <= files
    assert ("timm_backbone.py" in files) == model.config.model_type.endswith(("timm", "deit", "token-learner"))
    loaded = auto_class(model).from_pretrained(tmp_path)
    again = tmp_path / "again"
    loaded.save_pretrained(again)
    assert {path.name for path in again.iterdir()} == files


LAYERS = pytest.mark.parametrize("name", [name for name in TINY if name.endswith("-layers")])


@LAYERS
def test_kept_layers_are_columns_of_all(name: str, make_model: Make) -> None:
    """What a model reads of chosen layers stands in what it reads of all of them."""
    model = make_model(name)
    batch = inputs_for(model)
    groups, features = model.feature_groups(), model.features(**batch)
    assert [group.start for group in groups] == [sum(g.width for g in groups[:index]) for index in range(len(groups))]
    layers = list(dict.fromkeys(group.layer for group in groups))
    for chosen in (layers[::-1], layers[:1], layers[-1:]):
        for poolings in (["mean"], [groups[1].pooling] if groups[1].pooling != "own" else ["mean"]):
            kept = kept_groups(groups, chosen, poolings)
            model.keep_layers(chosen, poolings)
            expected = torch.cat([features[:, group.start : group.start + group.width] for group in kept], dim=1)
            torch.testing.assert_close(model.features(**batch), expected)
            assert [(group.layer, group.pooling) for group in kept] == [
                (group.layer, group.pooling) for group in model.feature_groups()
            ]


@TEXT
def test_padding_changes_nothing(name: str, make_model: Make) -> None:
    """On either side, with whatever id, also one that is a real token of the text, and beside an empty text."""
    model = make_model(name)
    batch = inputs_for(model)
    batch["input_ids"][:, 1] = 7
    batch["attention_mask"][-1] = 0  # an empty text: one token long
    batch["input_ids"][-1] = 7
    logits = model(**batch).logits
    for sides in ((0, 5), (3, 0), (2, 1)):
        padded = {"input_ids": nn.functional.pad(batch["input_ids"], sides, value=7)}
        padded["attention_mask"] = nn.functional.pad(batch["attention_mask"], sides)
        torch.testing.assert_close(model(**padded).logits, logits, atol=1e-6, rtol=0)
    alone = model(input_ids=batch["input_ids"][-1:, :1]).logits
    torch.testing.assert_close(logits[-1:], alone, atol=1e-6, rtol=0)


@TEXT
def test_parts_of_a_batch_change_nothing(name: str, make_model: Make) -> None:
    """A training batch is computed in parts of similar length: fewer tokens, and the logits and gradients of the whole."""
    model = make_model(name)
    mask = (
        torch.arange(30) < torch.tensor([3, 30, 7, 1, 12, 9, 30, 2, 4, 5, 17, 8, 6, 11, 3, 2, 20, 1])[:, None]
    ).long()
    batch = {"input_ids": torch.randint(5, 100, mask.shape) * mask, "attention_mask": mask}
    labels = torch.arange(len(mask)) % 2
    tokens: list[int] = []
    words = model.backbone.get_input_embeddings().weight
    for module in model.backbone.modules():  # T5 has them under two names
        if isinstance(module, nn.Embedding) and module.weight is words:
            module.register_forward_hook(lambda _, ids, __: tokens.append(ids[0].numel()))
    outputs = []
    for training in (False, True):
        model.train(training)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        output = model(**batch, labels=labels)
        output.loss.backward()
        outputs.append([output.logits, output.loss, *(p.grad for p in model.parameters() if p.grad is not None)])
        model.zero_grad()
    assert tokens == [18 * 30, 8 * 30, 8 * 7, 2 * 1]
    for parts, whole in zip(outputs[1], outputs[0], strict=True):
        torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("head", ["linear", "bigru"])
def test_parts_of_a_batch_of_states_change_nothing(head: str, make_model: Make) -> None:
    """Batches that enter a layer are parted like batches of texts; what enters the head alone is not."""
    model = make_model(f"hfkit-text/bert-{head}").eval()
    torch.manual_seed(0)
    mask = (torch.arange(20) < torch.randint(1, 21, (20, 1))).long()
    states = torch.randn(*mask.shape, model.feature_size) * mask[:, :, None]
    rows: list[int] = []
    model.execution_order()
    model.backbone.encoder.layer[1].register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    model.start_layer = "encoder.layer.1"
    whole = model(states=states, attention_mask=mask).logits
    model.training = True  # the dropouts stay in eval mode
    torch.testing.assert_close(model(states=states, attention_mask=mask).logits, whole, atol=1e-6, rtol=0)
    assert rows == [20, 8, 8, 4]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.compiler.is_compiling", lambda: True)
        model(states=states, attention_mask=mask)
    assert rows == [20, 8, 8, 4, 20], "a compiled graph takes the whole"
    model.start_layer = "classifier"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hfkit.models.text.encode_in_parts", None)
        model(states=states if head == "bigru" else states[:, 0], attention_mask=mask)


def test_padding_on_the_left_is_not_cut_off() -> None:
    """Parts end where the last real token ends."""
    mask = (torch.arange(12) >= torch.randint(0, 12, (20, 1))).float()
    ids = torch.arange(12).expand(20, 12)

    def encode(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Sum the real tokens up."""
        return (input_ids * attention_mask).sum(1, keepdim=True).float()

    encoded = encode_in_parts(encode, {"input_ids": ids, "attention_mask": mask}, mask)
    assert torch.equal(encoded, encode(ids, mask))


@ALL
def test_order_of_a_batch_changes_nothing(name: str, make_model: Make) -> None:
    model = make_model(name)
    batch = inputs_for(model)
    turned = {key: value.flip(0) for key, value in batch.items()}
    torch.testing.assert_close(model(**batch).logits, model(**turned).logits.flip(0), atol=1e-6, rtol=0)


@TEXT
def test_too_long_an_input_is_cut(name: str, make_model: Make) -> None:
    model = make_model(name)
    batch = inputs_for(model, tokens=100)
    limit = model.config.max_length
    cut = {key: value[:, :limit] for key, value in batch.items()}
    torch.testing.assert_close(model(**batch).logits, model(**cut).logits, atol=1e-6, rtol=0)


@ALL
def test_new_head_holds_sound_numbers(name: str, make_model: Make) -> None:
    """An encoder checkpoint has no head: what is missing must be initialised, `nn.GRU` too (it holds raw memory)."""
    model = make_model(name)
    for module in model.classifier.modules():
        if isinstance(module, nn.GRU):
            weight = module.weight_hh_l0
            assert weight.std().item() == pytest.approx((module.hidden_size**-0.5) / 3**0.5, rel=0.3)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


@ALL
def test_gru_missing_from_a_checkpoint_is_initialised(name: str, make_model: Make, tmp_path: Path) -> None:
    model = make_model(name)
    state = {key: value for key, value in model.state_dict().items() if not key.startswith("classifier.")}
    model.save_pretrained(tmp_path, state_dict=state)
    loaded, _ = type(model).from_pretrained(tmp_path, output_loading_info=True)
    for key, parameter in loaded.classifier.named_parameters():
        assert torch.isfinite(parameter).all(), key
        assert parameter.abs().max() < 1, key
    for key, tensor in state.items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_forward_is_spelled_out_and_the_loss_is_not_scaled() -> None:
    import inspect

    for family in FAMILIES.values():
        kinds = {parameter.kind for parameter in inspect.signature(family.model_class.forward).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds
        assert family.model_class.accepts_loss_kwargs is False


def test_one_logit_is_a_sigmoid(make_model: Make) -> None:
    model = make_model("hfkit-text/bert-linear-1-logit")
    batch = inputs_for(model)
    labels = torch.tensor([0, 1, 1])
    output = model(**batch, labels=labels)
    z = output.logits[:, 1]
    assert torch.equal(output.logits[:, 0], torch.zeros(3))
    torch.testing.assert_close(output.logits.softmax(-1)[:, 1], z.sigmoid())
    torch.testing.assert_close(output.loss, nn.functional.binary_cross_entropy_with_logits(z, labels.float()))


def test_one_logit_wants_two_labels() -> None:
    with pytest.raises(ValueError, match="head_logits is 1 for 3 labels"):
        TextClassifierConfig(head_logits=1, num_labels=3)
    with pytest.raises(ValueError, match="Unknown head 'mlp'"):
        TextClassifierConfig(head="mlp")


# --- pretrained backbones ---


@pytest.mark.parametrize("head", ["linear", "bigru"])
def test_backbone_equals_its_source(head: str, tiny_backbone: Path) -> None:
    """A checkpoint with pretraining heads (`bert.*`, `cls.*`) fills the backbone, and nothing overwrites it afterwards."""
    source = BertForPreTraining.from_pretrained(tiny_backbone).bert.state_dict()
    model = TextClassifier.from_backbone(str(tiny_backbone), head=head, **LABELS)
    own = model.backbone.state_dict()
    assert set(own) == {key for key in source if head == "linear" or not key.startswith("pooler.")}
    assert all(torch.equal(own[key], source[key]) for key in own)
    assert all(torch.isfinite(parameter).all() for parameter in model.classifier.parameters())
    assert model.classifier.linear.weight.std() > 0


def test_loading_a_backbone_changes_the_backbone_only(tiny_backbone: Path) -> None:
    torch.manual_seed(9)
    model = TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**BERT)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_pretrained_backbone(str(tiny_backbone))
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed
    assert all(key.startswith("backbone.") for key in changed)


def test_checkpoint_that_lacks_weights_is_refused(tiny_backbone: Path, tmp_path: Path) -> None:
    """Otherwise transformers fills the gap with random numbers, and they would count as pretrained."""
    source = BertModel(BertConfig(**BERT))
    state = {key: value for key, value in source.state_dict().items() if "layer.1." not in key and "pooler" not in key}
    source.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(ValueError, match=r"lacks weights of its encoder: encoder\.layer\.1\."):
        TextClassifier.from_backbone(str(tmp_path), **LABELS)
    with pytest.raises(ValueError, match=r"lacks weights of its encoder: encoder\.layer\.1\."):
        TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**BERT))).load_pretrained_backbone(str(tmp_path))
    without_pooler = tmp_path / "without-pooler"
    BertModel(BertConfig(**BERT), add_pooling_layer=False).save_pretrained(without_pooler)
    with pytest.raises(ValueError, match=r"pooler\.dense\.weight is missing"):
        TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**BERT))).load_pretrained_backbone(
            str(without_pooler)
        )


def test_backbone_of_another_size_is_refused(tiny_backbone: Path) -> None:
    model = TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**{**BERT, "num_hidden_layers": 3})))
    with pytest.raises(ValueError, match=r"encoder\.layer\.2\.\S+ is missing"):
        model.load_pretrained_backbone(str(tiny_backbone))
    model = TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**{**BERT, "intermediate_size": 8})))
    with pytest.raises(ValueError, match="has shape"):
        model.load_pretrained_backbone(str(tiny_backbone))


def test_checkpoint_without_a_pooler_uses_the_first_token(tmp_path: Path) -> None:
    BertModel(BertConfig(**BERT), add_pooling_layer=False).save_pretrained(tmp_path)
    model = TextClassifier.from_backbone(str(tmp_path), **LABELS).eval()
    assert model.config.use_pooler is False
    assert model.backbone.pooler is None
    batch = inputs_for(model)
    first = model.backbone(**batch).last_hidden_state[:, 0]
    torch.testing.assert_close(model(**batch).logits, model.classifier(first))


def test_half_precision_checkpoint_is_trained_in_float32(tmp_path: Path) -> None:
    BertModel(BertConfig(**BERT)).to(torch.bfloat16).save_pretrained(tmp_path)
    model = TextClassifier.from_backbone(str(tmp_path), **LABELS)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_no_path_of_this_machine_is_saved(tiny_backbone: Path, tmp_path: Path) -> None:
    TextClassifier.from_backbone(str(tiny_backbone), **LABELS).save_pretrained(tmp_path)
    assert str(tiny_backbone) not in (tmp_path / "config.json").read_text()


# --- exact parameter counts ---

BERT_BASE: dict[str, int] = {}
BERT_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}


@pytest.mark.parametrize(
    ("encoder", "head", "logits", "total", "of_head"),
    [
        (BERT_BASE, "linear", 1, 109_483_009, 769),
        (BERT_BASE, "linear", None, 109_483_778, 1_538),
        (BERT_BASE, "bigru", 1, 109_581_569, 689_921),
        (BERT_BASE, "bigru", None, 109_581_826, 690_178),
        (BERT_LARGE, "linear", 1, 335_142_913, 1_025),
        (BERT_LARGE, "bigru", 1, 334_978_817, 886_529),
        (BERT_LARGE, "bigru", None, 334_979_074, 886_786),
    ],
)
def test_parameter_counts(encoder: dict[str, int], head: str, logits: int | None, total: int, of_head: int) -> None:
    """BERT-base and CT-BERT (BERT-large) to the unit; the BiGRU is built without the pooler."""
    with torch.device("meta"):
        config = TextClassifierConfig(backbone_config=BertConfig(**encoder), head=head, head_logits=logits)
        model = TextClassifier(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == total
    assert sum(parameter.numel() for parameter in model.classifier.parameters()) == of_head
    backbone = {768: (109_482_240, 108_891_648), 1024: (335_141_888, 334_092_288)}[model.feature_size]
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == backbone[head == "bigru"]


GOLDEN_HEAD_KEYS = {
    "linear": ["linear.weight", "linear.bias"],
    "bigru": [
        f"{direction}_gru.{kind}_{gate}_l0"
        for direction in ("forward", "backward")
        for kind, gate in (("weight", "ih"), ("weight", "hh"), ("bias", "ih"), ("bias", "hh"))
    ]
    + ["linear.weight", "linear.bias"],
}


@pytest.mark.parametrize("head", ["linear", "bigru"])
def test_state_dict_keys_are_a_promise(head: str, make_model: Make) -> None:
    """Old checkpoints depend on these names."""
    model = make_model(f"hfkit-text/bert-{head}")
    keys = list(model.state_dict())
    pooler = ["pooler.dense.weight", "pooler.dense.bias"] if head == "linear" else []
    encoder = BertModel(BertConfig(**BERT), add_pooling_layer=False).state_dict()
    expected = [f"backbone.{key}" for key in [*encoder, *pooler]] + [
        f"classifier.{key}" for key in GOLDEN_HEAD_KEYS[head]
    ]
    assert keys == expected


# --- the table, and registering ---


@pytest.mark.slow
def test_importing_the_models_is_light() -> None:
    code = """
import sys, hfkit.models
assert not {"torch", "transformers"} & set(sys.modules)
from hfkit.models import TextClassifier
assert TextClassifier._auto_class == "AutoModelForSequenceClassification"
assert "timm" not in sys.modules, "a text model needs none"
from transformers import AutoConfig, AutoModelForImageClassification, CONFIG_MAPPING
assert "hfkit-text" in CONFIG_MAPPING and "hfkit-vgg" not in CONFIG_MAPPING
hfkit.models.register()
for model_type, family in hfkit.models.FAMILIES.items():
    assert type(AutoConfig.for_model(model_type)) is family.config_class
assert AutoModelForImageClassification._model_mapping[hfkit.VggClassifierConfig] is hfkit.VggClassifier
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_rows_of_the_table_are_what_they_name() -> None:
    for model_type, family in FAMILIES.items():
        assert family.config_class.model_type == model_type
        assert family.model_class.config_class is family.config_class
        assert family.auto_class.__name__ == family.auto
        assert family.pipeline_class is getattr(hfkit.models, family.pipeline[1])
        assert getattr(hfkit.models, family.model) is family.model_class
        assert {family.model, f"{family.model}Config", family.pipeline[1]} <= set(hfkit.models.__all__)
    assert hfkit.models.cleaning.clean("a", []) == "a"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hfkit.models.nothing


def test_the_package_takes_the_classes_from_the_table() -> None:
    """A class that is imported from its own file is not registered, and would be saved without its code."""
    classes = {name for family in FAMILIES.values() for name in (family.model, f"{family.model}Config")}
    folder = Path(hfkit.models.__file__).parent
    for path in folder.parent.rglob("*.py"):
        imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        for node in imports if path.parent != folder else []:
            by_file = str(node.module).split(".")[-1] != "models"
            assert not (by_file and classes & {alias.name for alias in node.names}), f"{path.name}:{node.lineno}"


# --- the folder travels to the Hub ---

ALLOWED = {"torch", "transformers", "timm", "torchvision", "emoji"} | set(sys.stdlib_module_names)


def test_files_of_the_models_folder_can_travel() -> None:
    """They import the standard library, five packages, and siblings by name; no file name begins with an underscore."""
    folder = Path(hfkit.models.__file__).parent
    assert [path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"] == []
    for path in folder.glob("*.py"):
        assert path.name == "__init__.py" or not path.name.startswith("_")
        siblings: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert (node.level, bool(node.module)) == (1, True), f"{path.name}:{node.lineno}"
                assert "." not in str(node.module)
                if path.name != "__init__.py":
                    siblings.add(str(node.module))
            elif isinstance(node, ast.ImportFrom | ast.Import):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                assert {str(name).split(".")[0] for name in names} <= ALLOWED, f"{path.name}:{node.lineno}"
        # transformers finds the files to copy by this pattern (dynamic_module_utils.get_relative_imports), in docstrings too.
        imported = re.findall(r"^\s*from\s+\.(\S+)\s+import", path.read_text(), flags=re.MULTILINE)
        assert path.name == "__init__.py" or set(imported) == siblings, path.name


@ALL
def test_no_two_parameters_share_memory(name: str, make_model: Make) -> None:
    """Shared tensors cannot be saved unless they are declared as tied."""
    pointers = [parameter.data_ptr() for parameter in make_model(name).parameters()]
    assert len(set(pointers)) == len(pointers)
