"""From a command line and a YAML file to the dataclasses of a run."""

import difflib
import inspect
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import transformers
from transformers import HfArgumentParser

from ..errors import UserError
from .arguments import Arguments, Data, Kinds, Model
from .configuration import CONFIGURATION_FILE, Configuration, read_configuration

# Names that transformers removed, and what to write now (transformers/MIGRATION_GUIDE_V5.md and training_args.py).
RENAMED_ARGUMENTS = {
    "evaluation_strategy": "eval_strategy",
    "warmup_ratio": "warmup_steps (a number below 1 is a ratio)",
    "group_by_length": "train_sampling_strategy group_by_length",
    "no_cuda": "use_cpu",
    "use_mps_device": "use_cpu false",
    "logging_dir": "the environment variable TENSORBOARD_LOGGING_DIR",
    "overwrite_output_dir": "another output_dir: a run is never overwritten",
    "push_to_hub_token": "hub_token",
    "push_to_hub_model_id": "hub_model_id",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "include_inputs_for_metrics": "include_for_metrics inputs",
    "fp16_backend": "fp16",
    "half_precision_backend": "fp16",
    "adafactor": "optim adafactor",
    "model_name_or_path": "backbone",
    "dataset_name": "dataset",
    "train_file": "dataset",
    "max_seq_length": "max_length",
    "patience": "early_stopping_patience",
}
_REMOVED = dict.fromkeys(
    ("save_safetensors", "jit_mode_eval", "use_ipex", "torchdynamo", "fp16_opt_level", "dispatch_batches"),
    "nothing: it has no successor",
)


class _Parser(HfArgumentParser):
    """An argument parser whose error is one sentence, without the page of usage."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]}. Every flag is explained by --help.")


def parse_recipe(
    argv: Sequence[str] | None, kinds: Kinds[Model, Data], demo: Sequence[str], defaults: Sequence[str]
) -> tuple[Arguments[Model, Data], str]:
    """Read the flags of a recipe, and say in one line what runs.

    A run that is resumed has all its flags, also those that were filled in, from its start.

    Args:
        argv: The command line; default: that of the process.
        kinds: The dataclasses of its flags: `TEXT` or `IMAGE`.
        demo: Flags that are added where neither backbone nor dataset is given.
        defaults: Flags that are added otherwise; what is given wins over both.

    Raises:
        UserError: As `parse_arguments` and `resume_arguments`.

    """
    argv = list(sys.argv[1:] if argv is None else argv)
    given = parse_arguments(argv, (), kinds)
    is_demo = False
    if given.training.resume_from_checkpoint is not None:
        arguments = resume_arguments(argv, given, kinds)
    else:
        is_demo = given.model.backbone is None and given.data.dataset is None
        arguments = parse_arguments(argv, demo if is_demo else defaults, kinds)
    line = describe_run(arguments)
    if is_demo:
        line = f"Demo, for neither --backbone nor --dataset was given: {' '.join(demo)}. {line}"
    return arguments, line


def describe_run(arguments: Arguments[Any, Any]) -> str:
    """Say in one line what is trained on what."""
    return f"Backbone {arguments.model.backbone}, head {arguments.model.head}, dataset {arguments.data.dataset}."


def resume_arguments(
    argv: Sequence[str], given: Arguments[Model, Data], kinds: Kinds[Model, Data]
) -> Arguments[Model, Data]:
    """Return the flags of the run that is continued, as it was started.

    Raises:
        UserError: No folder is named, it holds no run, or a flag is given that differs from the run's start.

    """
    if str(given.training.resume_from_checkpoint).lower() in ("false", "none", "no"):
        raise UserError(
            f"--resume_from_checkpoint is {given.training.resume_from_checkpoint}: write true to continue a run, or leave it out."
        )
    if given.given_output_dir is None:
        raise UserError("--resume_from_checkpoint needs the run's folder: add --output_dir runs/NAME.")
    folder = Path(given.given_output_dir).expanduser()
    if not (folder / CONFIGURATION_FILE).is_file():
        raise UserError(f"There is no run to continue in {folder}: it has no {CONFIGURATION_FILE}.")
    started = read_configuration(folder / CONFIGURATION_FILE)
    values = {**started.flags, **started.filled_in}
    for name in sorted(given.given - _NOT_IN_A_CONFIGURATION):
        before, now = values.get(name), given.flags.get(name, given.filled_in.get(name))
        if before != now:
            raise UserError(
                f"The run in {folder} was started with {name} {before}, not {now}: continue it by "
                f"--output_dir {folder} --resume_from_checkpoint true alone."
            )
    ends = [
        "--output_dir",
        given.given_output_dir,
        "--resume_from_checkpoint",
        str(given.training.resume_from_checkpoint),
    ]
    return parse_arguments(["--config", str(folder / CONFIGURATION_FILE), *ends], (), kinds)


_NOT_IN_A_CONFIGURATION = frozenset({"output_dir", "resume_from_checkpoint", "config"})

_DECIDING = ("backbone", "backbone_revision", "weights", "head", "pooling", "unfreeze_from", "token_learner_tokens")
"""Flags that what is filled in depends on: where the command line changes one of a file, the file's choices do not hold."""


def parse_arguments(
    argv: Sequence[str] | None, defaults: Sequence[str], kinds: Kinds[Model, Data]
) -> Arguments[Model, Data]:
    """Read flags; `--config FILE.yaml` gives them too, and a flag wins over the file.

    Args:
        argv: The command line; default: that of the process.
        defaults: Flags that both win over, such as the choices of a demo.
        kinds: The dataclasses of the flags: `TEXT` or `IMAGE`.

    Raises:
        UserError: A flag or a key of the file is unknown, was renamed, or has a value of the wrong kind.

    """
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(kinds, allow_abbrev=False)
    parser.add_argument("--config", help="YAML file with flags as keys; a flag on the command line wins.")
    known = {option.lstrip("-").replace("-", "_") for option in parser._option_string_actions}
    argv, path = _take_option(argv, "--config")
    file = Configuration({}) if path is None else read_configuration(Path(path))
    file_argv = _to_argv(file.flags, known, f"key of {path}")
    for name in _names(argv):
        _check_name(name, known, "flag")
    filled_in = _that_hold(file, vars(parser.parse_args([*file_argv, *argv])), _names(argv))
    filled_argv = _to_argv(filled_in, known, f"key of {path}")
    values = vars(parser.parse_args([*defaults, *filled_argv, *file_argv, *argv]))
    given = frozenset(_names([*defaults, *file_argv, *argv]))
    filled_in = {name: value for name, value in filled_in.items() if name not in given}
    try:
        model, data, training, *_ = parser.parse_args_into_dataclasses(
            [*defaults, *filled_argv, *file_argv, *argv], look_for_args_file=False
        )
    except (ValueError, TypeError) as error:
        raise UserError(f"{' '.join(str(error).split()).rstrip('.')}.") from error
    flags = {name: value for name, value in _flags_that_matter(parser, values, kinds).items() if name not in filled_in}
    return Arguments(model, data, training, values["output_dir"], flags, given, filled_in)


def _names(argv: Sequence[str]) -> list[str]:
    """Return the names of the flags in a command line."""
    return [item[2:].split("=")[0].replace("-", "_") for item in argv if item.startswith("--")]


def _that_hold(file: Configuration, values: dict[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """Return what a file's run had filled in, or nothing where the command line changes what that depends on."""
    before = {**file.filled_in, **file.flags}
    changed = [name for name in _DECIDING if name in named and name in before and _plain(values[name]) != before[name]]
    return {} if changed else file.filled_in


def _flags_that_matter(parser: _Parser, values: dict[str, Any], kinds: Kinds[Any, Any]) -> dict[str, Any]:
    """Return all flags of our own, and those of transformers that were changed; no folders, no tokens."""
    inherited = {item.name for item in fields(transformers.TrainingArguments)}
    bases = {base for kind in kinds for base in kind.__mro__ if base.__module__.startswith(f"{__package__}.")}
    ours = {name for base in bases for name in inspect.get_annotations(base)}
    without = _NOT_IN_A_CONFIGURATION | {name for name in inherited if "token" in name}
    plain = {name: _plain(value) for name, value in values.items()}
    return {
        name: value
        for name, value in plain.items()
        if name not in without and value is not None and (name in ours or value != parser.get_default(name))
    }


def _plain(value: Any) -> Any:
    """Replace enumerations by what is written for them, also in a list."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _take_option(argv: list[str], option: str) -> tuple[list[str], str | None]:
    """Take `option VALUE` or `option=VALUE` out of `argv`."""
    for index, item in enumerate(argv):
        if item.startswith(f"{option}="):
            return argv[:index] + argv[index + 1 :], item.split("=", 1)[1]
        if item == option:
            if index + 1 == len(argv):
                raise UserError(f"{option} wants a file: write {option} my_run.yaml.")
            return argv[:index] + argv[index + 2 :], argv[index + 1]
    return argv, None


def _to_argv(flags: dict[str, Any], known: set[str], kind: str) -> list[str]:
    """Turn the keys and values of a file into a command line."""
    argv: list[str] = []
    for key, value in flags.items():
        _check_name(key, known, kind)
        if value is not None:
            values = value if isinstance(value, list) else [value]
            argv += [f"--{key}", *map(_to_text, values)]
    return argv


def _to_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _check_name(name: str, known: set[str], kind: str) -> None:
    """Refuse an unknown name with the nearest known one, and a renamed one with its new name."""
    if name in known:
        return
    if name in RENAMED_ARGUMENTS:
        raise UserError(f"The {kind} '{name}' is not in use any more: write {RENAMED_ARGUMENTS[name]}.")
    if name in _REMOVED:
        raise UserError(f"The {kind} '{name}' is not in use any more: write {_REMOVED[name]}.")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "--help lists them all."
    raise UserError(f"Unknown {kind} '{name}': {hint}")
