"""A head on several layers of an image backbone: what it reads, and what is dropped behind the last of them."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import write_photo
from tiny import IMAGE_NAMES, LABELS, TINY, inputs_for

import hfkit
from hfkit.data.transforms import make_processor
from hfkit.models import FAMILIES, DeitClassifier, DeitClassifierConfig, TimmClassifier, TimmClassifierConfig
from hfkit.models.image import ImageClassifier, ImageClassifierConfig, Preprocessing
from hfkit.models.layer_reader import LayerReader

Make = Callable[[str], LayerReader]
WITH_LAYERS = [name for name in IMAGE_NAMES if name.endswith("-layers")]
# All that the backbone has, and what of a layer's output is one vector of an image.
READ = {
    "hfkit-vgg/flat-layers": ["features.1", "features.6", "features.7"],
    "hfkit-densenet/mlp-layers": ["features.relu0", "features.denseblock1", "features.norm5"],
    "hfkit-deit/mean-layers": ["blocks.0", "blocks.1"],
    "hfkit-timm/efficientnet-layers": [f"blocks.{number}" for number in range(5)],
    "hfkit-timm/resnet-layers": ["conv1.6", "layer1.0", "layer2.0", "layer3.0", "layer4.0"],
    "hfkit-timm/swin-layers": ["layers.0", "layers.1"],
    "hfkit-timm/twins-layers": ["blocks.0.1", "blocks.1.1"],
    "hfkit-token-learner/distilled-layers": ["blocks.0", "blocks.token_learner", "blocks.1"],
    "hfkit-fdvit/code-layers": ["stages.0.blocks.0", "stages.1.blocks.1", "stages.2.blocks.0"],
    "hfkit-transformers-image/dinov2-layers": ["encoder.layer.0", "encoder.layer.1"],
    "hfkit-transformers-image/convnextv2-layers": ["encoder.stages.0", "encoder.stages.1"],
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read_by_default(name: str, make_model: Make) -> None:
    model = make_model(name)
    assert model.config.layer_names == [*READ[name], "features"] == model.readable_layers()


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_columns_are_the_pooled_outputs(name: str, make_model: Make) -> None:
    """Looked at once more, from outside."""
    model = make_model(name)
    outputs: dict[str, torch.Tensor] = {}
    for layer in model.config.layer_names[:-1]:
        module = model.backbone.get_submodule(layer)
        module.register_forward_hook(lambda _, __, output, layer=layer: outputs.update({layer: output.clone()}))
    features = model.features(**inputs_for(model))
    channels = dict(zip(model.config.layer_names, model.config.layer_widths, strict=True))
    for group in model.feature_groups()[:-1]:
        columns = features[:, group.start : group.start + group.width]
        output = outputs[str(group.layer)]
        assert group.width == channels[str(group.layer)]
        if group.pooling == "first":
            expected = output[:, 0]
        elif output.ndim == 3:
            expected = output[:, min(model._prefix_tokens(), output.shape[1]) :].mean(1)
        else:
            expected = output.mean((1, 2)) if "swin" in name else output.mean((2, 3))
        torch.testing.assert_close(columns, expected)
    last = model.feature_groups()[-1]
    assert (last.layer, last.pooling, last.width) == ("features", "own", model.own_feature_size)
    assert last.start + last.width == features.shape[1] == model.feature_size


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_features_alone_are_what_other_heads_stand_on(name: str, make_model: Make) -> None:
    model, other = make_model(name), make_model(name.removesuffix("-layers"))
    batch = inputs_for(model)
    other.backbone.load_state_dict(model.backbone.state_dict())
    model.keep_layers(["features"])
    torch.testing.assert_close(model.features(**batch), other.features(**batch))


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_unused_modules_are_dropped(name: str, make_model: Make, tmp_path: Path) -> None:
    model = make_model(name)
    batch = inputs_for(model)
    names = model.readable_layers()[:-1]
    model.keep_layers(names[: max(len(names) // 2, 1)])
    logits, size = model(**batch).logits, model.num_parameters()
    report = model.drop_unused_layers()
    if "twins" in name:  # whose own code takes what its second stage gives apart
        assert "does not run without the last ones" in report.reason
        torch.testing.assert_close(model(**batch).logits, logits)
        return
    assert report.dropped > 0
    assert report.reason == ""
    assert report.dropped_parameters == size - model.num_parameters() > 0
    torch.testing.assert_close(model(**batch).logits, logits)
    assert model.drop_unused_layers() is None
    assert "features" not in model.readable_layers()
    assert set(model.config.layer_names) <= set(model.readable_layers())
    model.save_pretrained(tmp_path)
    loaded = FAMILIES[model.config.model_type].auto_class.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded(**batch).logits, logits, atol=1e-6, rtol=1e-6)
    with pytest.raises(ValueError, match="write different ones of"):
        model.keep_layers(["features"])


def test_all_modules_stay_where_the_features_would_change(make_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("hfkit-vgg/flat-layers")
    model.keep_layers(["features.7"])
    before = [*model.state_dict()]
    monkeypatch.setattr("hfkit.models.layer_reader.modules_behind", lambda *_: ["features.1"])
    report = model.drop_unused_layers()
    assert "stay: without those that the head does not read" in report.sentence()
    assert [*model.state_dict()] == before
    assert model.config.dropped_modules is None


def test_names_of_layers(make_model: Make) -> None:
    """As Keras names them, and with `backbone.` in front."""
    model = make_model("hfkit-vgg/flat-layers")
    model.keep_layers(["block1_conv1", "backbone.features.7"])
    assert model.config.layer_names == ["features.0", "features.7"]
    assert model.classifier.linear.weight.shape == (2, model.feature_size)


@pytest.mark.slow
def test_a_part_that_holds_layers_stands_for_its_last(make_model: Make) -> None:
    model = make_model("hfkit-fdvit/code-layers")
    model.keep_layers(["stages.1", "features"])
    assert model.config.layer_names == ["stages.1.blocks.1", "features"]
    assert model.classifier.linear.weight.shape == (2, model.feature_size)


@pytest.mark.parametrize(
    ("layers", "poolings", "message"),
    [
        (["blocks.9"], None, "blocks.9 is no layer that gives a grid or tokens: write some of blocks.0, blocks.1"),
        (["global_pool"], None, "global_pool is no layer"),
        (["blocks.1", "blocks.1"], None, "layers is blocks.1 blocks.1"),
        ([], None, "layers is empty"),
        (["blocks.1"], ["last"], "poolings is last: write mean or first, or both"),
    ],
)
def test_layers_that_are_not_there(
    layers: list[str], poolings: list[str] | None, message: str, make_model: Make
) -> None:
    with pytest.raises(ValueError, match=message):
        make_model("hfkit-timm/efficientnet-layers").keep_layers(layers, poolings)


def test_fields_of_another_head_are_refused() -> None:
    with pytest.raises(ValueError, match="are for the head layers, not for mlp"):
        ImageClassifierConfig(layer_names=["features"])
    with pytest.raises(ValueError, match="were dropped: write the head layers"):
        ImageClassifierConfig(dropped_modules=["blocks.1"])
    with pytest.raises(ValueError, match="two_heads are for the heads mlp and linear"):
        DeitClassifierConfig(head="layers", two_heads=True)
    with pytest.raises(ValueError, match="name one value for each layer"):
        ImageClassifierConfig(head="layers", layer_names=["blocks.1"])
    assert DeitClassifier(DeitClassifierConfig(two_heads=True)).feature_groups() == []


def test_configs_without_the_new_fields_are_as_before(make_model: Make) -> None:
    """Of models that were saved earlier."""
    config = make_model("hfkit-timm/efficientnet").config.to_dict()
    for field in ("layer_names", "layer_widths", "layer_kinds", "poolings", "standardised", "dropped_modules"):
        del config[field]
    model, other = TimmClassifier(TimmClassifierConfig.from_dict(config)), TINY["hfkit-timm/efficientnet"]()
    assert [*model.state_dict()] == [*other.state_dict()]


def test_a_new_net_reads_its_features_until_layers_are_chosen() -> None:
    model = TimmClassifier(
        TimmClassifierConfig(backbone_name="test_efficientnet", head="layers", image_size=32, **LABELS)
    )
    assert isinstance(model, ImageClassifier)
    assert [group.layer for group in model.feature_groups()] == ["features"]
    assert model(**inputs_for(model)).logits.shape == (3, 2)


@pytest.mark.parametrize(
    ("backbone", "names"),
    [
        ("tf_efficientnet_lite0", [f"blocks.{number}" for number in range(7)]),
        ("mobilenetv4_conv_small_035", [f"blocks.{number}" for number in range(5)]),
    ],
)
def test_stages_of_one_resolution_are_all_read(backbone: str, names: list[str]) -> None:
    config = TimmClassifierConfig(backbone_name=backbone, head="layers", image_size=64, **LABELS)
    assert TimmClassifier(config).readable_layers() == [*names, "features"]


@pytest.mark.slow
def test_a_cut_model_runs_in_a_pipeline_from_its_own_code(make_model: Make, tmp_path: Path) -> None:
    model = make_model("hfkit-timm/swin-layers")
    model.keep_layers(["layers.0"])
    model.drop_unused_layers()
    model.save_pretrained(tmp_path)
    make_processor(Preprocessing("none", 32, (0.5,) * 3, (0.5,) * 3, "bilinear"), 32).save_pretrained(tmp_path)
    photo = str(write_photo(tmp_path / "cat.png", "cat", 1))
    own = hfkit.load_pipeline(str(tmp_path))(photo)
    code = f"""import sys
from transformers import pipeline
print(pipeline("image-classification", model={str(tmp_path)!r}, trust_remote_code=True)({photo!r}))
assert "hfkit" not in sys.modules"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ast.literal_eval(process.stdout.strip().splitlines()[-1]) == own
