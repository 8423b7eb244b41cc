"""A head on several layers, from the flags to a saved run, and on from there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Run
from tiny import inputs_for
from transformers import AutoModelForImageClassification

from hfkit import load_pipeline
from hfkit.backbones.continuing import take_from_saved_model
from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.text import build_text_classifier
from hfkit.errors import UserError
from hfkit.flags.arguments import TextModelArguments
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.flags.kinds import IMAGE
from hfkit.flags.parsing import parse_arguments
from hfkit.models.image import ImageClassifier
from hfkit.models.text import TextClassifier
from hfkit.tasks.text import read_text_flags

LAYERS = ["--head", "layers"]
SHORT = ["--max_length", "24"]


@pytest.fixture(scope="module")
def frozen_run(run_fakenews: Callable[..., Run]) -> Run:
    return run_fakenews(
        *LAYERS, "--layers", "0", "1", "--pooling", "mean", "--unfreeze_from", "none", "--feature_cache", "auto"
    )


def build(folder: Path | str, *flags: str, labels: tuple[str, ...] = ("fake", "real")) -> tuple[TextClassifier, str]:
    """Build what a run would begin with, and return it with its notes."""
    arguments, _ = read_text_flags(["--backbone", str(folder), "--dataset", "sample", *flags])
    model, _, notes = build_text_classifier(arguments.model, arguments.data, list(labels), "pooling" in arguments.given)
    return model, " ".join(note.text for note in notes)


@pytest.mark.slow
def test_a_frozen_run_is_cut_and_saved(frozen_run: Run) -> None:
    model = TextClassifier.from_pretrained(frozen_run.folder)
    assert (model.config.layers, model.config.poolings) == ([0, 1], ["mean"])
    assert len(model.backbone.encoder.layer) == model.config.backbone_config.num_hidden_layers == 1
    assert {row["label"] for row in [load_pipeline(str(frozen_run.folder))("garlic cures")[0]]} <= {"fake", "real"}


@pytest.mark.slow
def test_a_trained_run_reads_all_layers(run_fakenews: Callable[..., Run]) -> None:
    model = TextClassifier.from_pretrained(run_fakenews(*LAYERS).folder)
    assert (model.config.layers, model.config.poolings) == ([0, 1, 2], ["mean", "first"])


@pytest.mark.slow
def test_a_run_is_run_again_by_its_file(frozen_run: Run, run_fakenews: Callable[..., Run]) -> None:
    again = run_fakenews("--config", str(frozen_run.folder / "hfkit.yaml"))
    assert again.results["test_accuracy"] == frozen_run.results["test_accuracy"]
    before, after = (TextClassifier.from_pretrained(run.folder).state_dict() for run in (frozen_run, again))
    for key, tensor in before.items():
        torch.testing.assert_close(tensor, after[key], atol=1e-6, rtol=0)


@pytest.mark.slow
def test_a_run_goes_on_with_its_layers(frozen_run: Run) -> None:
    saved = TextClassifier.from_pretrained(frozen_run.folder).eval()
    model, notes = build(frozen_run.folder)
    assert "head rows of fake, real kept" in notes
    assert (model.config.layers, model.config.poolings) == ([0, 1], ["mean"])
    text = {"input_ids": torch.tensor([[2, 9, 10, 3]])}
    torch.testing.assert_close(model.eval()(**text).logits, saved(**text).logits)
    _, notes = build(frozen_run.folder, *LAYERS, "--layers", "1")
    assert "with a head that starts from scratch: layers is 1 and was 0 1." in notes
    _, notes = build(frozen_run.folder, "--pooling", "first")
    assert "with a head that starts from scratch: poolings is first and was mean." in notes
    linear, notes = build(frozen_run.folder, "--head", "linear")
    assert "with a head that starts from scratch: head is linear and was layers." in notes
    assert len(linear.backbone.encoder.layer) == 1
    with pytest.raises(UserError, match=r"--layers, of .*: layers is 2: write different numbers from 0"):
        build(frozen_run.folder, *LAYERS, "--layers", "2")


def test_what_is_dropped_is_said(tiny_backbone: Path) -> None:
    _, notes = build(tiny_backbone, *SHORT, *LAYERS, "--layers", "1")
    assert "Layers: the last 1 of 2 are not used and are dropped" in notes
    _, notes = build(tiny_backbone, *SHORT, *LAYERS, "--layers", "auto")
    assert "dropped" not in notes


def test_a_file_gives_way_to_another_head(tmp_path: Path) -> None:
    file = tmp_path / "hfkit.yaml"
    file.write_text("backbone: minilm\nhead: layers\nlayers: [1, 2]\n")
    assert read_text_flags(["--config", str(file)])[0].model.layers == ["1", "2"]
    assert read_text_flags(["--config", str(file), "--head", "bigru"])[0].model.layers is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"head": "layers", "layers": ["auto", "1"]},
            "--layers is auto 1: write auto alone, or numbers such as 1 2 3 4",
        ),
        ({"head": "layers", "layers": ["two"]}, "--layers is two"),
        ({"head": "layers", "layers": ["1", "1"]}, "each of them once"),
        ({"head": "layers", "pooling": "pooler"}, "--pooling pooler is for the last layer alone"),
    ],
)
def test_wrong_flags(flags: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TextModelArguments(**flags)


def test_wrong_flags_for_images() -> None:
    with pytest.raises(UserError, match="write auto alone, or names of modules"):
        ImageModelArguments(head="layers", layers=["blocks.1", "auto"])


def test_a_layer_that_the_encoder_does_not_have(tiny_backbone: Path) -> None:
    with pytest.raises(UserError, match=r"layers is 7: write different numbers from 0 \(the embeddings\) to 2"):
        build(tiny_backbone, *SHORT, *LAYERS, "--layers", "7")


# --- images ---


@pytest.fixture(scope="module")
def image_run(run_cifar10: Callable[..., Run]) -> Run:
    return run_cifar10(*LAYERS, "--layers", "blocks.1", "blocks.2", "--unfreeze_from", "none")


def build_images(folder: Path, *flags: str, labels: tuple[str, ...] = ("cat", "dog")) -> tuple[ImageClassifier, str]:
    """Build what a run would begin with, and return it with its note."""
    arguments = take_from_saved_model(parse_arguments(["--backbone", str(folder), *flags], (), IMAGE))
    model, _, note = build_image_classifier(arguments.model, arguments.data.image_size, list(labels))
    return model, note.text


@pytest.mark.slow
def test_a_frozen_run_on_images_is_cut_and_saved(image_run: Run) -> None:
    model = AutoModelForImageClassification.from_pretrained(image_run.folder)
    assert model.config.layer_names == ["blocks.1", "blocks.2"]
    assert model.config.dropped_modules == ["blocks.3", "blocks.4", "conv_head", "bn2"]
    assert model.feature_size == sum(model.config.layer_widths)


@pytest.mark.slow
def test_a_trained_run_on_images_reads_all_stages(run_cifar10: Callable[..., Run]) -> None:
    run = run_cifar10(*LAYERS, "--weights", "none")
    model = AutoModelForImageClassification.from_pretrained(run.folder)
    assert model.config.layer_names == [*(f"blocks.{number}" for number in range(5)), "features"]


@pytest.mark.slow
def test_a_run_on_images_goes_on_with_its_layers(image_run: Run, finished_image_runs: dict[str, Run]) -> None:
    saved = AutoModelForImageClassification.from_pretrained(image_run.folder)
    model, note = build_images(image_run.folder)
    assert "head rows of cat, dog kept" in note
    pixels = inputs_for(model)
    torch.testing.assert_close(model.eval()(**pixels).logits, saved(**pixels).logits)
    model, note = build_images(image_run.folder, *LAYERS, "--layers", "blocks.1")
    assert "with a head that starts from scratch: layer_names is blocks.1 and was blocks.1 blocks.2" in note
    assert "are not used and are dropped" in note
    with pytest.raises(UserError, match=r"has no blocks.3, .* any more: continue it with --head layers"):
        build_images(image_run.folder, "--head", "linear")
    with pytest.raises(UserError, match=r"--layers, of .*: blocks.9 is no layer .*; or leave --layers out for all"):
        build_images(image_run.folder, *LAYERS, "--layers", "blocks.9")
    model, note = build_images(finished_image_runs["timm"].folder, *LAYERS)
    assert "with a head that starts from scratch: head is layers and was mlp" in note
    assert model.config.layer_names[-1] == "features"


def test_a_layer_that_the_image_backbone_does_not_have(run_cifar10: Callable[..., Run]) -> None:
    with pytest.raises(UserError, match=r"--layers, of test_efficientnet: blocks.9 is no layer"):
        build_images(Path("test_efficientnet"), "--weights", "none", *LAYERS, "--layers", "blocks.9")
    with pytest.raises(UserError, match="two_heads are for the heads mlp and linear"):
        build_images(Path("deit_tiny_distilled_patch16_224"), "--weights", "none", *LAYERS, "--two_heads", "true")
