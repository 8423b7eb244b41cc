"""Flags, the YAML file, and the sentences for wrong ones."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml

from hfkit.errors import UserError
from hfkit.flags.command_line import RENAMED_ARGUMENTS
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments as parse
from hfkit.flags.training_arguments import TrainingArguments
from hfkit.freezing import FreezePlan
from hfkit.machine import bfloat16_is_fast, cpu_capabilities
from hfkit.tasks.text import read_text_flags


def parse_arguments(argv: list[str]) -> Any:
    return parse(argv, (), TEXT)


def test_defaults() -> None:
    arguments = parse_arguments([])
    training = arguments.training
    assert (arguments.model.head, arguments.model.unfreeze_from, arguments.data.max_length) == ("linear", "all", 128)
    assert (training.num_train_epochs, training.per_device_train_batch_size) == (3, 32)
    assert training.report_to == []
    assert training.label_names == ["labels"]
    assert training.use_cpu == (not torch.accelerator.is_available())
    assert arguments.given_output_dir is None


def test_every_flag_of_ours_has_a_help() -> None:
    for group in (*TEXT, *IMAGE):
        own = {
            name
            for base in group.__mro__
            if base.__module__.startswith("hfkit")
            for name in inspect.get_annotations(base)
        }
        for item in dataclasses.fields(group):
            if item.name in own and item.init:
                assert item.metadata.get("help"), item.name


def test_both_spellings() -> None:
    assert parse_arguments(["--learning_rate", "1e-3"]).training.learning_rate == 1e-3
    assert parse_arguments(["--learning-rate", "1e-3"]).training.learning_rate == 1e-3
    assert parse_arguments(["--head-learning-rate=2e-3"]).training.head_learning_rate == 2e-3


@pytest.mark.parametrize("word", ["off", "no", "false", "none"])
def test_off_is_off_in_yaml_too(word: str, tmp_path: Path) -> None:
    """YAML reads the word off as false."""
    (tmp_path / "run.yaml").write_text(f"feature_cache: {word}\n")
    assert parse_arguments(["--config", str(tmp_path / "run.yaml")]).training.feature_cache == "off"
    with pytest.raises(UserError, match="write auto, off, or a folder"):
        parse_arguments(["--feature_cache", "true"])


def test_file_and_flags(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "head: bigru\nlearning-rate: 1e-4\ntext_column: [a, b]\nload_best_model_at_end: false\nbackbone: null\n"
        "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {min_lr: 1.0e-6}\n"
    )
    arguments = parse_arguments(["--config", str(path), "--head", "linear"])
    assert arguments.model.head == "linear"
    assert arguments.training.learning_rate == 1e-4
    assert arguments.data.text_column == ["a", "b"]
    assert arguments.training.load_best_model_at_end is False
    assert arguments.training.lr_scheduler_kwargs == {"min_lr": 1e-6}
    assert arguments.model.backbone is None


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("--head bigru", ("bigru", None)),
        ("--head=bigru", ("bigru", None)),
        ("--head linear", ("linear", "mean")),
        ("--head bigru --head linear", ("linear", "mean")),
        ("--backbone bigru", ("linear", "mean")),
        ("", ("linear", "mean")),
    ],
)
def test_a_bigru_drops_the_pooling_of_a_file(argv: str, expected: tuple[str, str | None], tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("pooling: mean\n")
    arguments = parse_arguments(["--config", str(tmp_path / "run.yaml"), *argv.split()])
    assert (arguments.model.head, arguments.model.pooling) == expected
    assert ("pooling" in arguments.given) == ("pooling" in arguments.flags) == (expected[1] is not None)


def test_a_given_pooling_makes_the_demo_linear() -> None:
    for argv in (["--pooling", "mean"], ["--pooling", "mean", "--head", "linear"]):
        arguments, line = read_text_flags(argv)
        assert (arguments.model.head, arguments.model.pooling, arguments.data.dataset) == ("linear", "mean", "sample")
        assert "--head linear --dataset sample" in line
    assert read_text_flags([])[0].model.head == "bigru"


def test_flags_that_rerun_the_run(tmp_path: Path) -> None:
    argv = [
        "--head",
        "bigru",
        "--seed",
        "7",
        "--cleaning",
        "url",
        "demojize",
        "--hub_token",
        "hf_secret",
        "--output_dir",
        "x",
    ]
    first = parse_arguments(argv)
    assert first.flags["seed"] == 7
    assert yaml.safe_dump(parse_arguments(["--debug", "underflow_overflow", "--optim", "sgd"]).flags)
    assert "secret" not in str(first.flags)
    assert not {"output_dir", "hub_token", "resume_from_checkpoint"} & set(first.flags)
    path = tmp_path / "hfkit.yaml"
    path.write_text(yaml.safe_dump(first.flags))
    assert parse_arguments(["--config", str(path)]).flags == first.flags


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--evaluation_strategy", "epoch"], "'evaluation_strategy' is not in use any more: write eval_strategy"),
        (["--warmup-ratio", "0.1"], "'warmup_ratio' is not in use any more: write warmup_steps"),
        (["--model_name_or_path", "x"], "write backbone"),
        (["--save_safetensors", "true"], "it has no successor"),
        (["--unfreze_from", "none"], "Unknown flag 'unfreze_from': did you mean 'unfreeze_from'"),
        (["--zzzzzzzzz"], "Unknown flag 'zzzzzzzzz': --help all lists them all"),
        (["--head", "mlp"], "Argument --head: invalid choice: 'mlp'"),
        (["--learning_rate", "fast"], "invalid float value: 'fast'"),
        (["--num_train_epochs"], "expected one argument"),
        (["--head_dropout", "1.5"], "--head_dropout is 1.5"),
        (["--max_length", "1"], "--max_length is 1"),
        (["--max_train_samples", "0"], "--max_train_samples is 0"),
        (["--validation_fraction", "1.5"], "are shares of train"),
        (["--eval_strategy", "sometimes"], "sometimes"),
        (["--eval_strategy", "no"], "requires the save and eval strategy to match"),
        (["stray"], "stray"),
        (["--config"], "--config wants a file"),
        (["--config", "nothing.yaml"], "The configuration file nothing.yaml cannot be read: No such file or directory"),
    ],
)
def test_wrong_arguments(argv: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_arguments(argv)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "group_by_length: true",
            "The key of .* 'group_by_length' is not in use any more: write train_sampling_strategy",
        ),
        ("haed: bigru", "Unknown key of .* 'haed': did you mean 'head'"),
        ("lr: 1e-3", "The key of .* 'lr' is a short name for the command line alone: write learning_rate"),
        ("- a\n- b", "must hold lines of the form"),
        ("a: [", "is not YAML"),
    ],
)
def test_wrong_file(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        parse_arguments(["--config", str(path)])


def test_renamed_names_are_really_gone_and_their_successors_there() -> None:
    """The names that transformers took away, held against the installed release."""
    known = set(inspect.signature(transformers.TrainingArguments).parameters)
    ours = {item.name for group in (*TEXT[:2], *IMAGE[:2]) for item in dataclasses.fields(group)}
    own = {item.name for item in dataclasses.fields(TrainingArguments)}
    for old, new in RENAMED_ARGUMENTS.items():
        assert old not in known, old
        name = new.split()[0].rstrip(":,")
        assert name in known | ours | own or name in ("the", "another"), new


def test_bfloat16_is_chosen_by_the_machine() -> None:
    capabilities = cpu_capabilities()
    assert bfloat16_is_fast(True) == bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    assert parse_arguments(["--bf16", "true", "--use_cpu", "true"]).training.bf16 is True
    assert parse_arguments(["--bf16", "false"]).training.bf16 is False


@pytest.mark.parametrize(
    ("metric", "mode"), [("accuracy", "max"), ("loss", "min"), ("eval_loss", "min"), ("macro_f1", "max")]
)
def test_a_plateau_is_one_of_the_metric(metric: str, mode: str) -> None:
    """The learning rate falls where the metric does not get better, be that higher or lower."""
    argv = ["--lr_scheduler_type", "reduce_lr_on_plateau", "--metric_for_best_model", metric]
    assert parse_arguments(argv).training.lr_scheduler_kwargs == {"mode": mode}
    given = parse_arguments([*argv, "--lr_scheduler_kwargs", '{"factor": 0.6}']).training.lr_scheduler_kwargs
    assert given == {"mode": mode, "factor": 0.6}


def test_batch_norm_is_kept_with_pretrained_weights_only() -> None:
    def plan(*argv: str) -> Any:
        return FreezePlan.from_flags(parse([*argv], [], IMAGE).model)

    assert plan("--backbone", "densenet201").keep_batch_norm
    assert not plan("--backbone", "densenet201", "--weights", "none").keep_batch_norm
    assert not plan("--backbone", "densenet201", "--keep_batch_norm", "false").keep_batch_norm
    assert not FreezePlan.from_flags(parse_arguments([]).model).keep_batch_norm
    with pytest.raises(UserError, match="leave it out with --weights none"):
        plan("--weights", "none", "--keep_batch_norm", "true")
