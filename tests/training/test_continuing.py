"""A finished run as the backbone of another: weights, rows of the head and settings go on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import LazyRuns, Run, write_photo
from tiny import TINY, tiny_tokenizer

from hfkit.backbones.continuing import continue_from, take_from_saved_model
from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.text import build_text_classifier
from hfkit.data.transforms import make_processor
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.flags.kinds import IMAGE
from hfkit.flags.parsing import parse_arguments
from hfkit.models.image import ImageClassifier, Preprocessing
from hfkit.models.text import TextClassifier, TextClassifierConfig
from hfkit.tasks.text import make_text_task, read_text_flags

RunRecipe = Callable[..., Run]
THREE = ["real", "satire", "fake"]


def continued(folder: Path, labels: list[str], *flags: str) -> tuple[TextClassifier, list[str]]:
    """Build what a run on these labels would begin with, and return it with its notes."""
    arguments, _ = read_text_flags(["--backbone", str(folder), "--dataset", "sample", *flags])
    is_given = "pooling" in arguments.given
    model, _, notes = build_text_classifier(arguments.model, arguments.data, labels, is_given)
    return model, [note.text for note in notes]


def assert_equal(own: Any, saved: Any) -> None:
    """Compare the weights of two modules."""
    assert own.state_dict().keys() == saved.state_dict().keys()
    assert all(torch.equal(tensor, saved.state_dict()[key]) for key, tensor in own.state_dict().items())


@pytest.mark.parametrize("name", ["linear", "bigru", "one-logit"])
def test_rows_of_the_head_are_kept_by_name(name: str, finished_runs: LazyRuns) -> None:
    """From two classes to three, in another order; settings are those of the run."""
    folder = finished_runs[name].folder
    saved = TextClassifier.from_pretrained(folder)
    saved.ngrams = None  # which do not go on
    model, notes = continued(folder, THREE)
    assert notes[0].startswith(f"Continues from {folder}: head rows of real, fake kept; new: satire.")
    assert_equal(model.backbone, saved.backbone)
    for field in ("head", "cleaning", "max_length", "pooling", "head_dropout"):
        assert getattr(model.config, field) == getattr(saved.config, field)
    text = {"input_ids": torch.tensor([[2, 9, 10, 3]])}
    new, old = model.eval()(**text).logits[0], saved.eval()(**text).logits[0]
    torch.testing.assert_close(new[2] - new[0], old[0] - old[1])  # fake against real
    assert 0 < model.classifier.linear.weight[1].std() < 0.1


def test_same_classes_give_the_same_logits(finished_runs: LazyRuns) -> None:
    """Also in another order, and with one logit."""
    for name, run in finished_runs.items():
        saved = TextClassifier.from_pretrained(run.folder).eval()
        saved.ngrams = None
        text = {"input_ids": torch.tensor([[2, 9, 10, 3]])}
        for labels in (["fake", "real"], ["real", "fake"]):
            model, _ = continued(run.folder, labels)
            probabilities = dict(zip(labels, model.eval()(**text).logits.softmax(-1)[0].tolist(), strict=True))
            expected = saved(**text).logits.softmax(-1)[0].tolist()
            assert [probabilities["fake"], probabilities["real"]] == pytest.approx(expected, abs=1e-6), name


def test_other_classes_leave_the_rows_random(finished_runs: LazyRuns) -> None:
    _, notes = continued(finished_runs["linear"].folder, ["good", "fake"])
    assert notes[0].endswith(": head rows of fake kept; new: good; dropped: real.")
    _, notes = continued(finished_runs["one-logit"].folder, ["good", "fake"])
    assert notes[0].endswith(": no head row kept; new: good, fake; dropped: fake, real.")


@pytest.mark.parametrize(
    ("name", "flags", "reason"),
    [
        ("linear", "--pooling mean", "pooling is mean and was pooler"),
        ("linear", "--head bigru", "head is bigru and was linear"),
        ("bigru", "--head linear --pooling last", "head is linear and was bigru"),
        ("bigru", "--head_hidden_size 7", "head_hidden_size is 7 and was 6"),
        (
            "linear",
            "--max_length 30 --cleaning none",
            "cleaning is none and was demojize, max_length is 30 and was 24",
        ),
    ],
)
def test_flags_that_contradict_start_the_head_anew(name: str, flags: str, reason: str, finished_runs: LazyRuns) -> None:
    saved = TextClassifier.from_pretrained(finished_runs[name].folder)
    model, notes = continued(finished_runs[name].folder, ["fake", "real"], *flags.split())
    assert "with a head that starts from scratch: " in notes[0]
    assert reason in notes[0]
    assert "None" not in notes[0]
    assert not torch.equal(model.classifier.linear.weight, saved.classifier.linear.weight)
    embeddings = model.backbone.get_input_embeddings().weight
    assert torch.equal(embeddings, saved.backbone.get_input_embeddings().weight)


def test_the_reason_of_a_pooling_is_true(finished_runs: LazyRuns, tiny_backbone: Path, tmp_path: Path) -> None:
    """It is given only where somebody gave it."""
    folder = finished_runs["linear"].folder
    task = make_text_task(read_text_flags(["--backbone", str(folder), "--dataset", "sample"])[0])
    assert "Pooling: pooler (of the saved model)." in [note.text for note in task.notes]
    assert continued(folder, THREE, "--pooling", "pooler")[1][1] == "Pooling: pooler (given)."
    file = tmp_path / "hfkit.yaml"
    file.write_text("head: linear\nfilled_in: {pooling: last}\n")
    again = ["--config", str(file), "--max_length", "24"]
    assert continued(tiny_backbone, THREE, *again)[1] == ["Pooling: last (as in the run's start)."]
    assert continued(finished_runs["bigru"].folder, THREE, *again)[1][1] == "Pooling: last (as in the run's start)."
    file.write_text("head: linear\npooling: last\n")
    assert continued(tiny_backbone, THREE, *again)[1] == ["Pooling: last (given)."]


@pytest.mark.slow
def test_a_run_on_a_run_is_rerun_by_its_file(
    finished_runs: LazyRuns, run_fakenews: RunRecipe, tmp_path: Path, capsys: Any
) -> None:
    """What was taken from the first run is said, stands in the file as filled in, and gives the same model again."""
    folder = finished_runs["bigru"].folder
    argv = ["--backbone", str(folder), "--num_train_epochs", "1"]
    run = run_fakenews(*argv, folder=tmp_path / "run", capture=capsys)
    assert f"Backbone {folder}, head bigru," in run.output
    assert f"Continues from {folder}: head rows of fake, real kept." in run.output
    first, _ = read_text_flags(["--backbone", str(folder), "--dataset", "sample"])
    again, _ = read_text_flags(["--config", str(run.folder / "hfkit.yaml")])
    assert again.model == first.model
    assert (again.data.cleaning, again.data.max_length) == (first.data.cleaning, 24)
    assert "head" not in again.given
    assert run.results["eval_loss"] < 1.0
    other, _ = read_text_flags(["--config", str(run.folder / "hfkit.yaml"), "--head", "linear", "--pooling", "mean"])
    assert (other.model.head, other.model.pooling) == ("linear", "mean")


def test_old_models_can_be_continued(tmp_path: Path) -> None:
    """A config without pooling stands for the pooler, or the first token."""
    torch.manual_seed(0)
    for name, pooling in (("bert-linear", "pooler"), ("electra-linear", "first"), ("qwen3-linear", "last")):
        saved: Any = TINY[f"hfkit-text/{name}"]()
        saved.save_pretrained(tmp_path / name)
        tiny_tokenizer(tmp_path).save_pretrained(tmp_path / name)
        model, notes = continued(tmp_path / name, ["fake", "real"])
        assert model.config.pooling == pooling
        assert notes[1] == f"Pooling: {pooling} (of the saved model)."
        assert_equal(model, saved)


def test_what_is_no_finished_text_run_is_refused(
    finished_runs: LazyRuns, finished_image_runs: LazyRuns, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is a classifier of images: choose a backbone for texts"):
        read_text_flags(["--backbone", str(finished_image_runs["timm"].folder), "--dataset", "sample"])
    (tmp_path / "hfkit.yaml").write_text("head: linear\n")
    with pytest.raises(UserError, match="is not a finished hfkit run, and has no checkpoint to continue from"):
        read_text_flags(["--backbone", str(tmp_path), "--dataset", "sample"])
    broken = tmp_path / "broken"
    shutil.copytree(finished_runs["linear"].folder, broken)
    TextClassifier(TextClassifierConfig()).config.save_pretrained(broken)
    with pytest.raises(UserError, match="cannot be loaded"):
        continued(broken, ["fake", "real"])


# --- images ---


@pytest.mark.parametrize(
    "name",
    [
        "vgg/flat",
        "densenet/mlp",
        "deit/two-heads",
        "timm/vit-linear",
        "timm/efficientnet",
        "fdvit/code",
        "token-learner/fused",
        "transformers-image/vit-class-token",
    ],
)
def test_image_models_continue(name: str, tmp_path: Path) -> None:
    """Each family: the same net and processor, the rows of its one or two heads by name."""
    torch.manual_seed(0)
    saved: Any = TINY[f"hfkit-{name}"]()
    saved.drop_training_parts()
    saved.save_pretrained(tmp_path)
    make_processor(Preprocessing("none", 32, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bilinear"), 32).save_pretrained(
        tmp_path
    )
    flags = {"head": saved.config.head, "head_hidden_size": 6, "head_layers": saved.config.head_layers}
    flags["head_activation"] = saved.config.head_activation
    arguments = ImageModelArguments(backbone=str(tmp_path), **flags)
    model, processor, note = build_image_classifier(arguments, None, ["real", "other", "fake"])
    assert note.text.startswith(f"Continues from {tmp_path}: head rows of real, fake kept; new: other. Images: ")
    assert type(model) is type(saved)
    assert_equal(model.backbone, saved.backbone)
    assert (processor.size["height"], list(processor.image_mean)) == (32, [0.1, 0.2, 0.3])
    image = {"pixel_values": torch.randn(1, 3, 32, 32)}
    new, old = model.eval()(**image).logits[0], saved.eval()(**image).logits[0]
    torch.testing.assert_close(new[2] - new[0], old[0] - old[1], atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.nightly
def test_a_run_of_images_on_a_run(
    finished_image_runs: LazyRuns, run_cifar10: RunRecipe, photos: Path, tmp_path: Path, capsys: Any
) -> None:
    """From two classes to three, at the size of the first run."""
    folder = finished_image_runs["deit"].folder
    shutil.copytree(photos, tmp_path / "photos")
    for split, number in (("train", 4), ("validation", 1), ("test", 1)):
        for index in range(number):
            write_photo(tmp_path / "photos" / split / "bird" / f"{index}.png", "bird", 5000 + len(split) * 10 + index)
    flags = [f"--backbone={folder}", "--dataset", str(tmp_path / "photos"), "--unfreeze_from", "none"]
    with pytest.raises(UserError, match="--weights is decided by the saved model"):
        run_cifar10(*flags, folder=tmp_path / "run")
    run = run_cifar10(*flags, "--weights", "default", folder=tmp_path / "run", capture=capsys)
    assert f"Continues from {folder}: head rows of cat, dog kept; new: bird." in run.output
    again = parse_arguments(["--config", str(run.folder / "hfkit.yaml")], (), IMAGE)
    assert again.data.image_size == 32
    assert str(folder) not in (run.folder / "summary.json").read_text()


def test_another_image_size_starts_the_head_anew(tmp_path: Path) -> None:
    saved: Any = TINY["hfkit-timm/vit-linear"]()
    saved.save_pretrained(tmp_path)
    make_processor(Preprocessing("none", 32, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bilinear"), 32).save_pretrained(
        tmp_path
    )
    arguments = ImageModelArguments(backbone=str(tmp_path), head="linear")
    model, processor, note = build_image_classifier(arguments, 48, ["fake", "real"])
    assert "with a head that starts from scratch: image_size is 48 and was 32." in note.text
    assert (model.config.image_size, processor.size["height"]) == (48, 48)
    assert torch.equal(model.backbone.patch_embed.proj.weight, saved.backbone.patch_embed.proj.weight)
    with pytest.raises(UserError, match="--two_heads is decided by the saved model"):
        build_image_classifier(ImageModelArguments(backbone=str(tmp_path), two_heads=True), None, ["fake", "real"])


def test_models_of_one_class_each_share_no_memory() -> None:
    """The saved model stays as it is when the new one trains."""
    saved, new = (TINY["hfkit-timm/vit-linear"]() for _ in range(2))
    assert isinstance(new, ImageClassifier)
    continue_from(new, saved, "saved", ("head",))
    new.classifier.linear.weight.data.zero_()
    assert saved.classifier.linear.weight.std() > 0


def test_the_pooling_of_an_image_model_is_no_flag(tmp_path: Path) -> None:
    saved = TINY["hfkit-transformers-image/vit"]()
    saved.config.head = "linear"
    type(saved)(saved.config).save_pretrained(tmp_path)
    given = parse_arguments(["--backbone", str(tmp_path), "--dataset", "digits"], (), IMAGE)
    taken = take_from_saved_model(given)
    assert taken.model.head == "linear"
    assert "pooling" not in taken.filled_in
