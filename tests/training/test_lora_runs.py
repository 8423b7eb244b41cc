"""A run with adapters, from the flags to a saved model that needs no peft, and its parts beside other flags."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import IMAGE_ARGV, Run, load_recipe
from peft import PeftModel
from safetensors.torch import load_file
from test_resume import continue_from
from transformers import AutoModel, AutoModelForSequenceClassification

from hfkit import load_pipeline
from hfkit.backbones.lora import LoraPlan, merge_adapters
from hfkit.errors import UserError
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.flags.solver import choose_solver
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.reproduce import safe_argv
from hfkit.run_folders.record import read_record
from hfkit.tasks.learning_rate import learning_rate_by_width
from hfkit.training import adapters
from hfkit.training.adapters import _check_logits, _check_numbers
from hfkit.training.advice import advise
from hfkit.training.defaults import lora_learning_rate

RunRecipe = Callable[..., Run]
LORA = ["--peft", "lora", "--learning_rate", "1e-2", "--head_learning_rate", "1e-2"]
WITHOUT_CHECKPOINTS = ["--save_strategy", "no", "--load_best_model_at_end", "false"]


@pytest.fixture(scope="module")
def run(run_fakenews: RunRecipe) -> Run:
    """Return a run of which the first epoch is the best."""
    return run_fakenews(*LORA, "--num_train_epochs", "3", "--keep_adapter", "--feature_cache", "off")


@pytest.mark.slow
def test_adapters_trained_in_bfloat16_are_merged_in_float32(run_fakenews: RunRecipe, capsys: Any) -> None:
    trained = run_fakenews(*LORA, "--bf16", "true", "--num_train_epochs", "1", "--feature_cache", "off", capture=capsys)
    moved = re.search(r"moved a logit by (\S+) at most", " ".join(trained.output.split()))
    assert moved is not None
    assert float(moved.group(1)) <= adapters.TOLERANCE


@pytest.mark.slow
def test_the_saved_model_is_an_ordinary_one(run: Run, tiny_backbone: Path) -> None:
    tensors = load_file(run.folder / "model.safetensors")
    assert not [key for key in tensors if "lora" in key or "base_layer" in key]
    assert not [file for file in run.folder.glob("*.py") if "peft" in file.read_text()]
    model = AutoModelForSequenceClassification.from_pretrained(run.folder)
    assert not [module for module in model.modules() if type(module).__module__.startswith("peft")]
    encoder = load_file(tiny_backbone / "model.safetensors")
    moved = {
        key for key in tensors if key.startswith("backbone.") and not tensors[key].equal(encoder[f"bert.{key[9:]}"])
    }
    layers = [f"backbone.encoder.layer.{index}.attention.self" for index in range(2)]
    assert moved == {f"{layer}.{kind}.weight" for layer in layers for kind in ("query", "value")}
    rows = run.rows("predictions.csv")
    answers = load_pipeline(str(run.folder))([row["text"] for row in rows], top_k=None)
    for row, answer in zip(rows, answers, strict=True):
        scores = {item["label"]: item["score"] for item in answer}
        assert scores["fake"] == pytest.approx(float(row["score_fake"]), abs=1e-5)


def test_the_run_says_what_it_did(run: Run) -> None:
    results, flags = run.json("all_results.json"), yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    assert (flags["peft"], flags["unfreeze_from"], flags["lora_rank"], flags["lora_targets"]) == (
        "lora",
        "none",
        8,
        ["auto"],
    )
    assert results["frozen_sha256_before"] == results["frozen_sha256_after"]
    assert results["entering_sha256_before"] == results["entering_sha256_after"]
    assert read_record(run.folder).trains == "linear head and LoRA adapters"
    assert results["trainable_parameters"] == 2 * 2 * 8 * (16 + 16) + 2 * 16 + 2
    lines = run.json("summary.json")["lines"]
    assert [
        line
        for line in lines
        if "LoRA adapters of rank 8 and alpha 16 beside 4 linear layers (2 query, 2 value;" in line
    ]
    assert [
        line for line in lines if re.match(r"The 4 adapters were merged into the weights .* moved a logit by ", line)
    ]
    assert {path.name for path in (run.folder / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert str(run.folder.parent) not in (run.folder / "adapter" / "adapter_config.json").read_text()


def test_it_ends_with_the_best_checkpoint(run: Run) -> None:
    epochs = [float(row["eval_macro_f1"]) for row in run.rows("report/epochs.csv")]
    assert run.results["eval_macro_f1"] == pytest.approx(max(epochs))
    assert min(epochs) < max(epochs)


@pytest.mark.slow
def test_the_file_runs_it_again(run: Run, tmp_path: Path) -> None:
    again = load_recipe("fakenews").main(
        ["--config", str(run.folder / "hfkit.yaml"), "--output_dir", str(tmp_path / "again")]
    )
    assert again["test_loss"] == run.results["test_loss"]
    flags = yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    argv = safe_argv({**flags, "dataset": "sample", "backbone": "minilm"}, "text-classification", None)
    arguments = parse_arguments(argv, (), TEXT)
    assert FreezePlan.from_flags(arguments.model).lora == LoraPlan()


@pytest.mark.slow
@pytest.mark.parametrize("head", ["linear", pytest.param("bigru", marks=pytest.mark.nightly)])
def test_the_cache_changes_no_loss(head: str, run_fakenews: RunRecipe, tmp_path: Path) -> None:
    flags = [*LORA, "--head", head, "--lora_targets", "encoder.layer.1"]
    runs = [run_fakenews(*flags, "--feature_cache", cache) for cache in ("off", str(tmp_path / "cache"))]
    assert [path.name for path in (tmp_path / "cache").iterdir()]
    for one, other in zip(*(run.rows("report/epochs.csv") for run in runs), strict=True):
        for name in ("loss", "eval_loss"):
            assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-5)


@pytest.mark.slow
def test_it_goes_on_to_the_bit(run_fakenews: RunRecipe, tmp_path: Path) -> None:
    flags = [
        *LORA,
        "--save_strategy",
        "steps",
        "--save_steps",
        "2",
        "--save_total_limit",
        "9",
        "--load_best_model_at_end",
        "false",
    ]
    whole = run_fakenews(*flags, folder=tmp_path / "whole")
    folder = continue_from(2, whole, tmp_path / "killed")
    torch.rand(7)
    resumed = run_fakenews(*flags, "--resume_from_checkpoint", "true", folder=folder)
    weights, others = (load_file(run.folder / "model.safetensors") for run in (whole, resumed))
    assert all(torch.equal(weights[key], others[key]) for key in weights)
    assert whole.json("train_results.json")["train_loss"] == resumed.json("train_results.json")["train_loss"]
    with pytest.raises(UserError, match="was started with lora_rank 8, not 4"):
        run_fakenews(*flags, "--lora_rank", "4", "--resume_from_checkpoint", "true", folder=folder)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(
            "--class_weights balanced --gradient_accumulation_steps 2 --activation_checkpointing true --ngrams auto --bf16 true",
            marks=pytest.mark.slow,
        ),
        pytest.param("--head layers", marks=pytest.mark.nightly),
        pytest.param("--head bigru --solver trainer --max_error 0.6 --summary", marks=pytest.mark.slow),
        pytest.param(
            "--pooling pooler --lora_targets query pooler --label_smoothing_factor 0.1", marks=pytest.mark.nightly
        ),
    ],
)
def test_it_goes_with_other_flags(flags: str, run_fakenews: RunRecipe) -> None:
    run = run_fakenews(*LORA, *flags.split())
    assert "test_accuracy" in run.results
    assert not [key for key in load_file(run.folder / "model.safetensors") if "lora" in key]


@pytest.mark.parametrize(
    "backbone",
    ["test_vit", pytest.param("deit_tiny_distilled_patch16_224 --two_heads true", marks=pytest.mark.nightly)],
)
@pytest.mark.slow
def test_images(backbone: str, run_cifar10: RunRecipe, tmp_path: Path) -> None:
    last = "blocks.1" if backbone == "test_vit" else "blocks.11"
    flags = ["--backbone", *backbone.split(), *LORA, "--lora_targets", last, "--eval_strategy", "epoch"]
    runs = [run_cifar10(*flags, "--feature_cache", cache) for cache in ("off", str(tmp_path / "cache"))]
    assert [path.name for path in (tmp_path / "cache").iterdir()]
    assert runs[0].results["eval_loss"] == pytest.approx(runs[1].results["eval_loss"], abs=1e-4)
    assert not [key for key in load_file(runs[0].folder / "model.safetensors") if "lora" in key]


def test_a_net_of_convolutions_is_refused(photos: Path, tmp_path: Path) -> None:
    argv = [*IMAGE_ARGV.split(), "--dataset", str(photos), "--peft", "lora", "--output_dir", str(tmp_path / "run")]
    with pytest.raises(
        UserError, match="--peft lora: the backbone has no linear layers in its blocks; write --unfreeze_from"
    ):
        load_recipe("cifar10").main(argv)
    assert not (tmp_path / "run").exists()


# --- flags and defaults ---


@pytest.mark.parametrize(("width", "rate"), [(384, 1e-3), (768, 3.6e-4), (1024, 2e-4), (4096, 2e-4)])
def test_the_learning_rate_of_adapters(width: int, rate: float) -> None:
    assert lora_learning_rate(learning_rate_by_width(width)[0]) == rate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        pytest.param("", "adapters 0.001 (default: ten times that", marks=pytest.mark.nightly),
        ("--lr 5e-3", "adapters 0.005 (given)"),
    ],
)
def test_a_given_learning_rate_wins(
    argv: str, said: str, run_fakenews: RunRecipe, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--peft", "lora", "--max_steps", "1", "--save_strategy", "no", "--eval_strategy", "no"]
    run = run_fakenews(*flags, "--load_best_model_at_end", "false", *argv.split(), capture=capsys)
    assert said in run.output
    assert (
        "LoRA adapters of rank 8 and alpha 16 beside 4 linear layers (2 query, 2 value; peft's choice for bert)"
        in run.output
    )


def test_what_a_file_filled_in_holds_for_its_own_way_of_training(tmp_path: Path) -> None:
    """In either direction; a file of an earlier version does not name `peft`."""
    file = tmp_path / "hfkit.yaml"
    file.write_text("unfreeze_from: all\nfilled_in: {learning_rate: 2.0e-5}\n")
    adapted = parse_arguments(["--config", str(file), "--peft", "lora"], (), TEXT)
    assert (adapted.model.unfreeze_from, adapted.training.learning_rate) == ("none", None)
    assert adapted.flags["unfreeze_from"] == "none"
    file.write_text("unfreeze_from: none\npeft: lora\nlora_rank: 4\nfilled_in: {learning_rate: 1.0e-3}\n")
    same = parse_arguments(["--config", str(file), "--lora_alpha", "8"], (), TEXT)
    assert (same.model.lora_rank, same.model.lora_alpha, same.training.learning_rate) == (4, 8, 1e-3)
    tuned = parse_arguments(["--config", str(file), "--unfreeze_from", "all"], (), TEXT)
    assert (tuned.model.peft, tuned.model.lora_rank, tuned.training.learning_rate) == ("none", 8, None)


@pytest.mark.parametrize("kinds", [TEXT, IMAGE])
def test_the_trainer_trains_adapters(kinds: Any) -> None:
    arguments, said = choose_solver(parse_arguments(["--peft", "lora"], (), kinds))
    assert (arguments.filled_in, said) == ({}, "")
    for solver in ("convex", "both"):
        with pytest.raises(
            UserError, match=f"--solver {solver} solves a head, and the adapters of --peft lora train in steps"
        ):
            choose_solver(parse_arguments(["--peft", "lora", "--solver", solver], (), kinds))


def test_advice_names_the_rates_of_both() -> None:
    from datasets import Dataset

    training: Any = type("training", (), {"max_steps": -1, "num_train_epochs": 2.0, "solver": None})
    log = [{"loss": 0.69, "epoch": 1.0}, {"loss": 0.69, "epoch": 2.0}]
    [note] = advise(log, Dataset.from_dict({"label": [0, 1]}), training, FreezePlan("none", lora=LoraPlan()))
    assert "--learning_rate and --head_learning_rate" in note.text
    assert "--unfreeze_from all in the place of --peft lora" in note.text


def test_a_merge_that_changes_the_logits_is_refused(tmp_path: Path) -> None:
    logits, folder = np.array([[20.0, -3.0]]), tmp_path / "adapter"
    assert _check_logits(logits, logits + 3e-5, folder) == pytest.approx(3e-5)
    assert _check_logits(logits / 10, logits / 10 + 9e-6, folder) == pytest.approx(9e-6)
    with pytest.raises(UserError, match=r"moves a logit by 1\.1e-05, of 2 \(at most 1e-05 may be\)"):
        _check_logits(logits / 10, logits / 10 + 1.1e-5, folder)
    with pytest.raises(UserError, match=r"moves a logit by 5e-05, of 20 \(at most 3\.8e-05 may be\)"):
        _check_logits(logits, logits + 5e-5, folder)
    message = r"moves a logit by 0\.001, of 20 \(.*\), so that no merged model is saved; .* are in .*adapter\. Write"
    with pytest.raises(UserError, match=message):
        _check_logits(logits, logits + 1e-3, folder)
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(UserError, match=r"adapter, and the run's checkpoints have both, too\. Write"):
        _check_logits(logits, logits * np.nan, folder)
    with pytest.raises(UserError, match="The training diverged"):
        _check_numbers(logits * np.nan)


@pytest.mark.slow
def test_a_merge_that_is_refused_loses_no_training(
    run_fakenews: RunRecipe, tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any checkpoint and without `--keep_adapter`: adapters and head bring back what was trained."""
    monkeypatch.setattr(adapters, "TOLERANCE", -1.0)
    monkeypatch.setattr(adapters, "ROUNDING", -1.0)
    trained: dict[str, torch.Tensor] = {}

    def remember(model: BackboneClassifier) -> int:
        count = merge_adapters(model)
        trained.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return count

    monkeypatch.setattr(adapters, "merge_adapters", remember)
    with pytest.raises(UserError, match=r"the trained adapters and the head \(head\.safetensors\) are in .*\. Write"):
        run_fakenews(*LORA, *WITHOUT_CHECKPOINTS, "--max_steps", "2", folder=tmp_path / "run")
    folder = tmp_path / "run" / "adapter"
    assert not list(folder.parent.glob("checkpoint-*"))
    backbone = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_backbone), folder).merge_and_unload()
    tensors = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    tensors |= load_file(folder / "head.safetensors")
    assert not trained.keys() - tensors.keys()
    assert all(torch.allclose(tensors[name], tensor, atol=1e-6) for name, tensor in trained.items())


@pytest.mark.slow
def test_adapters_are_kept_where_a_flag_says_so(run: Run, run_fakenews: RunRecipe, tmp_path: Path) -> None:
    names = {path.name for path in (run.folder / "adapter").iterdir()}
    assert "adapter_model.safetensors" in names
    assert "head.safetensors" not in names
    without = run_fakenews(*LORA, "--max_steps", "1", folder=tmp_path / "run")
    assert not (without.folder / "adapter").exists()
