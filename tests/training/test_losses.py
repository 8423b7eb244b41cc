"""Losses that agree: of accumulated batches, of training and evaluation, of one process and two."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, Run
from datasets import Dataset
from timm.layers import DropPath
from tiny import inputs_for
from torch import nn
from transformers import EvalPrediction, default_data_collator

from hfkit.evaluation.metrics import evaluate_split
from hfkit.flags.training_arguments import TrainingArguments
from hfkit.models.base import BackboneClassifier
from hfkit.models.losses import IGNORED, Objective, classifier_loss, row_cross_entropy
from hfkit.training.trainer import ClassifierTrainer

Make = Callable[[str], BackboneClassifier]
ROWS = 52


def without_chance(model: BackboneClassifier) -> BackboneClassifier:
    """Turn off every dropout, and FDViT's masking."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, DropPath):
            module.drop_prob = 0.0
    if hasattr(model.config, "mask_ratio"):
        model.config.mask_ratio = 0.0
    return model


def image_rows(model: BackboneClassifier, mixed: bool = False, number: int = ROWS) -> Dataset:
    """Return images as pixel values, with label ids or with probabilities."""
    labels: Any = [int(row % 3 == 0) for row in range(number)]
    if mixed:
        share = np.linspace(0.1, 0.9, number)
        labels = np.stack([share, 1 - share], axis=1).astype("float32")
    pixels = inputs_for(model, rows=number)["pixel_values"]
    return Dataset.from_dict({"pixel_values": pixels.numpy(), "labels": labels}).with_format("torch")


def train(
    model: BackboneClassifier, rows: Dataset, folder: Path, objective: Objective, rate: float = 1e-2, **options: Any
) -> ClassifierTrainer:
    """Train on rows in their order, and return the Trainer."""
    defaults: dict[str, Any] = {
        "num_train_epochs": 2,
        "learning_rate": rate,
        "metric_for_best_model": "loss",
        "eval_strategy": "no",
        "save_strategy": "no",
        "load_best_model_at_end": False,
        "disable_tqdm": True,
        "use_cpu": True,
        "bf16": False,
        "warmup_steps": 0,
        "optim": "sgd",
        "max_grad_norm": 0.0,
        "remove_unused_columns": False,
        "train_sampling_strategy": "sequential",
    }

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        return evaluate_split(prediction.predictions, prediction.label_ids, lambda logits, references: {})

    trainer = ClassifierTrainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **{**defaults, **options}),
        train_dataset=rows,
        eval_dataset=rows.select(range(11)),
        data_collator=default_data_collator,
        compute_metrics=compute_metrics,
        objective=objective,
        head_learning_rate=rate,
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize(
    ("name", "objective", "mixed"),
    [
        ("hfkit-timm/vit-linear", Objective(), False),
        ("hfkit-timm/vit-linear", Objective((0.5, 2.0)), False),
        ("hfkit-timm/vit-linear", Objective(None, 0.1), False),
        ("hfkit-timm/vit-linear", Objective((0.5, 2.0), 0.1), True),
        pytest.param("hfkit-fdvit/code", Objective(), False, marks=pytest.mark.nightly),
    ],
    ids=["plain", "class weights", "label smoothing", "mixed labels", "auxiliary loss"],
)
def test_accumulated_batches_give_the_weights_of_large_ones(
    name: str, objective: Objective, mixed: bool, make_model: Make, tmp_path: Path
) -> None:
    """52 rows leave a last batch of 20: 16 and 4 rows, whose means must not count alike."""
    weights, logs = [], []
    for batch_size, steps in ((32, 1), (16, 2)):
        model = without_chance(make_model(name))
        options = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
        trainer = train(model, image_rows(model, mixed), tmp_path, objective, **options)
        weights.append({key: value.clone() for key, value in model.state_dict().items()})
        logs.append([entry for entry in trainer.state.log_history if "loss" in entry])
    for key in weights[0]:
        torch.testing.assert_close(weights[0][key], weights[1][key], atol=1e-6, rtol=0)
    for one, other in zip(*logs, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
        assert one["accuracy"] == other["accuracy"]
        assert ("objective" in one) == (objective != Objective() or "fdvit" in name)


def test_losses_of_training_and_evaluation_are_the_plain_cross_entropy(make_model: Make, tmp_path: Path) -> None:
    """With weights that do not move, both are those of the model; the batches of 4 leave one of 3 rows."""
    model = without_chance(make_model("hfkit-timm/vit-linear"))
    rows = image_rows(model, number=11)
    options = {"per_device_train_batch_size": 4, "per_device_eval_batch_size": 4}
    objective = Objective((0.1, 3.0), 0.2)
    trainer = train(model, rows, tmp_path, objective, 0.0, **options, num_train_epochs=1, eval_strategy="epoch")
    with torch.no_grad():
        outputs = model.eval()(pixel_values=rows[:]["pixel_values"])
    expected = nn.functional.cross_entropy(outputs.logits, rows[:]["labels"]).item()
    history = trainer.state.log_history
    assert next(entry["eval_loss"] for entry in history if "eval_loss" in entry) == pytest.approx(expected, abs=1e-6)
    logged = next(entry for entry in history if "loss" in entry)
    assert logged["loss"] == pytest.approx(expected, abs=1e-6)
    assert logged["objective"] == pytest.approx(objective(outputs, rows[:]["labels"]).item(), abs=1e-6)
    assert abs(logged["objective"] - logged["loss"]) > 1e-3
    last = history[-1]
    assert (last["train_loss"], last["train_objective"]) == (logged["loss"], logged["objective"])


def test_ignored_rows_count_nowhere() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 2), torch.tensor([0, 1, IGNORED, IGNORED])
    mixed = torch.tensor([[0.3, 0.7], [0.9, 0.1], [IGNORED, IGNORED], [IGNORED, IGNORED]])
    outputs = type("Outputs", (), {"logits": logits, "auxiliary_loss": torch.tensor(0.5)})
    first = type("Outputs", (), {"logits": logits[:2], "auxiliary_loss": torch.tensor(0.5)})
    objective = Objective((0.5, 2.0), 0.1)
    for given in (labels, mixed):
        torch.testing.assert_close(objective(outputs, given), objective(first, given[:2]))
        assert row_cross_entropy(logits, given)[2:].tolist() == [0.0, 0.0]
    torch.testing.assert_close(classifier_loss(logits, labels), row_cross_entropy(logits[:2], labels[:2]).mean())
    assert classifier_loss(logits, None) is None


@pytest.mark.slow
def test_every_file_tells_the_same_validation_loss(run_fakenews: Callable[..., Run]) -> None:
    """With class weights and smoothing, on the CPU in float32, by the best checkpoint."""
    argv = ["--class_weights", "balanced", "--label_smoothing_factor", "0.1", "--metric_for_best_model", "loss"]
    run = run_fakenews(*argv, "--per_device_eval_batch_size", "3")
    history = run.json("trainer_state.json")["log_history"]
    logged = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert [float(row["eval_loss"]) for row in run.rows("report/epochs.csv")] == logged
    assert run.json("all_results.json")["eval_loss"] == pytest.approx(min(logged), abs=1e-6)
    assert run.json("all_results.json")["train_objective"] != run.json("all_results.json")["train_loss"]
    assert all("objective" in entry for entry in history if "loss" in entry)


# --- two processes ---


def run_processes(number: int, batch_size: int, tmp_path: Path) -> Any:
    """Train on 52 rows and evaluate 11 in so many processes, and return weights and logs."""
    output = tmp_path / f"{number}.json"
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(number)] * (number > 1)
    argv = [sys.executable, *module, str(Path(__file__).parent / "train_worker.py"), str(batch_size), str(output)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(output.read_text())


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    """Neither training nor evaluation counts the rows that fill the last batch of the second process."""
    one, two = (run_processes(number, 32 // number, tmp_path) for number in (1, 2))
    for key, values in one["weights"].items():
        np.testing.assert_allclose(values, two["weights"][key], atol=1e-6, rtol=0)
    for name in ("loss", "objective", "accuracy", "eval_loss", "train_loss"):
        assert one[name] == pytest.approx(two[name], abs=1e-6), name
