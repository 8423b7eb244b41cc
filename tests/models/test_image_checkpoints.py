"""Image backbones that are checkpoints of transformers: weights, pooling, preprocessing, sizes, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Run
from PIL import Image
from tiny import BERT, LABELS, TRANSFORMERS, image_configs
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    BitImageProcessor,
    ConvNextImageProcessor,
    ConvNextV2ForImageClassification,
    EfficientNetImageProcessor,
    PreTrainedConfig,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipVisionConfig,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    ViTModel,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_IMAGE_MAPPING_NAMES,
)

import hfkit
from hfkit.backbones.checkpoints import _as_preprocessing, names_checkpoint, read_checkpoint, timm_name
from hfkit.backbones.families import find_family
from hfkit.backbones.find import find_model
from hfkit.backbones.image import build_image_classifier
from hfkit.data.transforms import make_processor
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.models import FAMILIES, TransformersImageClassifier, TransformersImageClassifierConfig
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.models.transformers_image import describe_features
from hfkit.models.vision_configs import vision_config


def build(
    folder: Path | str, image_size: int | None = None, **options: Any
) -> tuple[TransformersImageClassifier, Any, str]:
    arguments = ImageModelArguments(backbone=str(folder), **options)
    model, processor, note = build_image_classifier(arguments, image_size, ["cat", "dog"])
    assert isinstance(model, TransformersImageClassifier)
    return model.eval(), processor, str(note)


def save(model: Any, folder: Path, processor: Any = None) -> Path:
    """Save a model with wide random weights, so that different images get different features."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ViT with a head of its own and no pooler, as google/vit-base-patch16-224 is."""
    processor = ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.4] * 3, image_std=[0.2] * 3, resample=3
    )
    return save(ViTForImageClassification(ViTConfig(**TRANSFORMERS)), tmp_path_factory.mktemp("vit"), processor)


# --- weights and pooling ---


@pytest.mark.parametrize("name", image_configs())
def test_a_backbone_equals_its_checkpoint(name: str, tmp_path: Path) -> None:
    """Bare models: all tensors but the mask token, and the pooled output of the model itself."""
    source = AutoModel.from_config(image_configs()[name])
    model, _, note = build(save(source, tmp_path), 32)
    expected, own = source.eval().state_dict(), model.backbone.state_dict()
    assert set(expected) - set(own) <= {"embeddings.mask_token"}
    assert all(torch.equal(tensor, expected[key]) for key, tensor in own.items())
    pixels = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model.features(pixels), source(pixel_values=pixels).pooler_output)
    assert model.config.pooling == "pooler"
    assert "on the pooled output of the model itself" in model.describe_head()
    assert "The checkpoint has no preprocessing of its own" in note
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_pooler_without_weights_is_not_used(vit: Path) -> None:
    model, processor, note = build(vit)
    source = ViTModel.from_pretrained(vit, add_pooling_layer=False).eval()
    assert model.backbone.pooler is None
    pixels = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model.features(pixels), source(pixels).last_hidden_state[:, 0])
    assert "on the state of the class token (no pretrained pooling)" in model.describe_head()
    assert note.startswith(
        f"Weights: {vit}. Images: resized to 32x32 (bicubic, nothing cut off), normalised by mean 0.4 "
    )
    assert (list(processor.image_std), processor.size["height"]) == ([0.2] * 3, 32)
    assert str(vit) not in json.dumps(model.config.to_dict())
    assert len(model.config.backbone_config.id2label) == 2


def test_the_tower_of_a_joint_model(tmp_path: Path) -> None:
    text = {
        "vocab_size": 20,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
    }
    config = SiglipConfig(text_config=text, vision_config=SiglipVisionConfig(**TRANSFORMERS).to_dict())
    source = SiglipModel(config)
    model, _, note = build(save(source, tmp_path, SiglipImageProcessor(size={"height": 32, "width": 32})))
    pixels = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(model.features(pixels), source.eval().vision_model(pixels).pooler_output)
    assert model.config.backbone_config.model_type == "siglip_vision_model"
    assert "hfkit does not" not in note


def test_a_checkpoint_with_a_head_and_of_half_precision(tmp_path: Path) -> None:
    source = ConvNextV2ForImageClassification(image_configs()["convnextv2"])
    save(source, tmp_path)
    source.to(torch.bfloat16).save_pretrained(tmp_path)
    model, _, _ = build(tmp_path)
    assert model.config.pooling == "pooler"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    torch.testing.assert_close(model.backbone.layernorm.weight, source.convnextv2.layernorm.weight.float())


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    source = ViTModel(ViTConfig(**TRANSFORMERS))
    state = {
        key: value for key, value in source.state_dict().items() if "layers.1." not in key and "layer.1." not in key
    }
    source.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(UserError, match=r"cannot be loaded .*lacks weights of its image model"):
        build(tmp_path)


def test_random_weights(vit: Path) -> None:
    model, _, note = build(vit, weights="none")
    assert note.startswith("Weights: none, every layer starts from random numbers.")
    assert model.config.pooling == "pooler"
    with pytest.raises(UserError, match="write the checkpoint's folder as --backbone"):
        build(vit, weights="x.safetensors")


# --- sizes ---


@pytest.mark.parametrize("name", image_configs())
def test_another_image_size(name: str, tmp_path: Path) -> None:
    """Positions are interpolated, and the weights stay as they are."""
    folder = save(AutoModel.from_config(image_configs()[name]), tmp_path)
    small, large = build(folder, 32)[0], build(folder, 48)[0]
    _, _, usual = find_family(ImageModelArguments(backbone=str(folder)))
    assert usual == (384 if name == "convnextv2" else 224)  # of its kind, where nothing is recorded
    assert large(torch.zeros(2, 3, 48, 48)).logits.shape == (2, 2)
    assert all(
        torch.equal(tensor, small.backbone.state_dict()[key]) for key, tensor in large.backbone.state_dict().items()
    )
    if name != "convnextv2":
        with pytest.raises(
            UserError, match="does not run with --image_size 50: its patches have 8 pixels, so write 48 or 56"
        ):
            build(folder, 50)


# --- preprocessing ---


def test_what_of_its_preprocessing_is_not_done(vit: Path, tmp_path: Path) -> None:
    for processor, said in (
        (BitImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}), "cuts the centre out"),
        (ConvNextImageProcessor(size={"shortest_edge": 32}), "cuts the centre out of the image"),
        (ConvNextImageProcessor(size={"shortest_edge": 384}), ""),
        (BitImageProcessor(size={"shortest_edge": 32}, do_center_crop=False), "keeps the proportions"),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "config.json").write_text((vit / "config.json").read_text())
        processor.save_pretrained(folder)
        checkpoint = read_checkpoint(str(folder))
        assert ("hfkit does not: it resizes the whole to a square" in checkpoint.remark) == bool(said)
        assert said in checkpoint.remark
        assert checkpoint.preprocessing.image_size == (32 if said else 384)
    assert build(folder, weights="none")[2].endswith(checkpoint.remark)


@pytest.mark.parametrize(
    "options",
    [{"rescale_offset": True}, {"do_normalize": False}, {"rescale_factor": 1 / 127.5, "rescale_offset": True}],
)
def test_other_scales_are_other_means(options: dict[str, Any]) -> None:
    theirs = EfficientNetImageProcessor(size={"height": 8, "width": 8}, **options)
    ours = make_processor(_as_preprocessing(theirs, "x", PreTrainedConfig()), 8)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype("uint8"))
    expected = theirs(image, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(ours(image, return_tensors="pt")["pixel_values"], expected, atol=1e-5, rtol=0)


# --- names ---


def test_which_names_are_checkpoints(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names_checkpoint("google/vit-base-patch16-224")
    assert names_checkpoint(str(vit))
    for name in ("resnet50", "timm/vit_tiny_patch16_224.augreg_in21k", "hf-hub:timm/resnet50.a1_in1k", "hf-hub:a/b"):
        assert not names_checkpoint(name)
    assert timm_name("timm/resnet50.a1_in1k") == timm_name("hf-hub:timm/resnet50.a1_in1k") == "resnet50.a1_in1k"
    _, options, size = find_family(ImageModelArguments(backbone="timm/vit_tiny_patch16_224.augreg_in21k"))
    assert (options["backbone_name"], size) == ("vit_tiny_patch16_224.augreg_in21k", 224)
    monkeypatch.chdir(vit.parent)
    assert names_checkpoint(vit.name)


def refused(folder: Path | str, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        find_family(ImageModelArguments(backbone=str(folder), **options))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_refused_in_a_sentence(vit: Path, tmp_path: Path) -> None:
    assert "There is no backbone nobody/nothing (" in refused("nobody/nothing")
    BertModel(BertConfig(**BERT)).save_pretrained(tmp_path / "bert")
    assert "is a bert model and no image model of transformers" in refused(tmp_path / "bert")
    TextClassifier(TextClassifierConfig(backbone_config=BertConfig(**BERT))).save_pretrained(tmp_path / "saved")
    assert "is a classifier of texts: choose a backbone for images" in refused(tmp_path / "saved")
    for config, message in (
        ({"architecture": "resnet18", "num_classes": 3}, "is a model of timm: write its name there, such as resnet18"),
        ({"model_type": "timm_wrapper", "architecture": "resnet18"}, "is a model of timm"),
        (
            {"model_type": "siglip2", "vision_config": TRANSFORMERS},
            "takes pixel_attention_mask, spatial_shapes and not images alone",
        ),
        ({"model_type": "detr"}, "is none of an image model"),
        ({"model_type": "x", "auto_map": {"AutoModel": "m.Net"}}, "hfkit runs no code of others (m.Net)"),
    ):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(UserError) as error:
            build(folder, weights="none")
        assert message in str(error.value)
    assert "--backbone_revision is for a Hub id" in refused("resnet18", backbone_revision="main")
    assert "--two_heads is for" in refused(vit, two_heads=True)


class Dangerous:
    """What a pickle can run when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("this code must not run",))


def test_a_config_of_a_stranger_builds_no_wrapper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not inside of others either; no file that it names is opened, and no kernel is fetched."""
    torch.save({"weights": Dangerous()}, tmp_path / "bad.pth")
    monkeypatch.setattr("timm.create_model", None)
    wrapper = {
        "architecture": "resnet18",
        "model_args": {"checkpoint_path": str(tmp_path / "bad.pth"), "pretrained": True},
    }
    for hostile in (
        {"model_type": "timm_wrapper", **wrapper},
        {"model_type": "timm_backbone", "backbone": "resnet18", "checkpoint_path": str(tmp_path / "bad.pth")},
        {"model_type": "detr", "backbone_config": {"model_type": "timm_wrapper", **wrapper}},
        {"model_type": "dpt", "backbone_config": {"model_type": "timm_wrapper", **wrapper}},
        {"model_type": "bert"},
        {"model_type": "videomae"},
        {"model_type": "vit_mae"},
    ):
        with pytest.raises(ValueError, match="is none of an image model"):
            TransformersImageClassifierConfig(backbone_config=hostile)
    nested = {"model_type": "siglip", "vision_config": {**TRANSFORMERS, "model_type": "timm_wrapper", **wrapper}}
    assert vision_config(nested).model_type == "siglip_vision_model"
    strange = {**TRANSFORMERS, "attn_implementation": "stranger/kernel", "_attn_implementation": "stranger/kernel"}
    config = TransformersImageClassifierConfig(
        backbone_config={"model_type": "vit", **strange, "backbone_config": wrapper}
    )
    assert TransformersImageClassifier(config).backbone.config._attn_implementation == "sdpa"
    assert "must not run" not in capsys.readouterr().out


def test_no_accepted_type_has_a_model_inside() -> None:
    """Of all types that transformers lists for images; what is accepted reads no file by its config."""
    for model_type in {*MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES, *MODEL_FOR_IMAGE_MAPPING_NAMES}:
        try:
            config = vision_config({"model_type": model_type})
        except (ValueError, ImportError):
            continue
        assert not config.sub_configs
        assert not {"backbone", "backbone_config", "use_timm_backbone", "architecture"} & set(config.to_dict())


# --- other doors ---


def test_features_of_a_net_whose_config_does_not_say_how_wide_they_are(tmp_path: Path) -> None:
    from transformers import MobileNetV2Config, MobileNetV2Model

    config = MobileNetV2Config(depth_multiplier=0.1, image_size=32, finegrained_output=False)
    with pytest.raises(ValueError, match="does not say how wide features are"):
        TransformersImageClassifier(TransformersImageClassifierConfig(backbone_config=config))
    net = MobileNetV2Model(config)
    features = describe_features(net, True)
    options = TransformersImageClassifierConfig(backbone_config=config, **features, **LABELS)
    model = TransformersImageClassifier(options).eval()
    assert model(torch.zeros(1, 3, 32, 32)).logits.shape == (1, 2)
    model.save_pretrained(tmp_path)
    again = FAMILIES["hfkit-transformers-image"].auto_class.from_pretrained(tmp_path)
    assert again.feature_size == model.feature_size


def test_a_profile(vit: Path) -> None:
    model = find_model(str(vit), ["--head", "linear", "--image_size", "40"])
    assert isinstance(model, TransformersImageClassifier)
    assert (model.config.image_size, model.config.head) == (40, "linear")


@pytest.mark.slow
def test_a_run_on_a_checkpoint(vit: Path, run_cifar10: Callable[..., Run], photos: Path, capfd: Any) -> None:
    argv = f"--backbone {vit} --weights default --activation_checkpointing true --unfreeze_from layernorm"
    run = run_cifar10(*argv.split(), capture=capfd)
    assert "on the state of the class token" in " ".join(run.output.split())
    assert run.json("preprocessor_config.json")["image_mean"] == [0.4] * 3
    assert run.json("summary.json")["base_model"] is None
    assert str(vit) not in (run.folder / "config.json").read_text() + json.dumps(run.json("summary.json"))
    rows = run.rows("predictions.csv")
    classify = hfkit.load_pipeline(str(run.folder), device="cpu")
    scores = [{answer["label"]: answer["score"] for answer in classify(str(photos / row["file"]))} for row in rows]
    np.testing.assert_allclose([s["cat"] for s in scores], [float(row["score_cat"]) for row in rows], atol=1e-5)
