"""From the words of a command line and a YAML file to the dataclasses of a run."""

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
import yaml
from transformers import HfArgumentParser

from ..errors import UserError
from .arguments import Arguments, Data, Kinds, Model

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

    Args:
        argv: Words of the command line; default: those of the process.
        kinds: The dataclasses of its flags: `TEXT` or `IMAGE`.
        demo: Words that are added where neither backbone nor data set is given.
        defaults: Words that are added otherwise; what is given wins over both.

    Raises:
        UserError: As `parse_arguments`.

    """
    given = parse_arguments(argv, (), kinds)
    is_demo = given.model.backbone is None and given.data.dataset is None
    arguments = parse_arguments(argv, demo if is_demo else defaults, kinds)
    line = f"Backbone {arguments.model.backbone}, head {arguments.model.head}, data set {arguments.data.dataset}."
    if is_demo:
        line = f"Demo, for neither --backbone nor --dataset was given: {' '.join(demo)}. {line}"
    return arguments, line


def parse_arguments(
    argv: Sequence[str] | None, defaults: Sequence[str], kinds: Kinds[Model, Data]
) -> Arguments[Model, Data]:
    """Read flags; `--config FILE.yaml` gives them too, and a flag wins over the file.

    Args:
        argv: Words of the command line; default: those of the process.
        defaults: Words that both win over, such as the choices of a demo.
        kinds: The dataclasses of the flags: `TEXT` or `IMAGE`.

    Raises:
        UserError: A flag or a key of the file is unknown, was renamed, or has a value of the wrong kind.

    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(kinds, allow_abbrev=False)
    parser.add_argument("--config", help="YAML file with flags as keys; a flag on the command line wins.")
    known = {option.lstrip("-").replace("-", "_") for option in parser._option_string_actions}
    words, config = _take_option(words, "--config")
    if config is not None:
        words = _words_of_file(Path(config), known) + words
    words = [*defaults, *words]
    for word in words:
        if word.startswith("--"):
            _check_name(word[2:].split("=")[0].replace("-", "_"), known, "flag")
    namespace = parser.parse_args(words)
    try:
        model, data, training, *_ = parser.parse_args_into_dataclasses(words, look_for_args_file=False)
    except (ValueError, TypeError) as error:
        raise UserError(f"{' '.join(str(error).split()).rstrip('.')}.") from error
    return Arguments(model, data, training, namespace.output_dir, _flags_that_matter(parser, vars(namespace), kinds))


def _flags_that_matter(parser: _Parser, values: dict[str, Any], kinds: Kinds[Any, Any]) -> dict[str, Any]:
    """Return all flags of our own, and those of transformers that were changed; no folders, no tokens."""
    inherited = {item.name for item in fields(transformers.TrainingArguments)}
    bases = {base for kind in kinds for base in kind.__mro__ if base.__module__.startswith(f"{__package__}.")}
    ours = {name for base in bases for name in inspect.get_annotations(base)}
    left_out = {"output_dir", "resume_from_checkpoint", "config", *(name for name in inherited if "token" in name)}
    plain = {name: _plain(value) for name, value in values.items()}
    return {
        name: value
        for name, value in plain.items()
        if name not in left_out and value is not None and (name in ours or value != parser.get_default(name))
    }


def _plain(value: Any) -> Any:
    """Replace enumerations by what is written for them, also in a list."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _take_option(words: list[str], option: str) -> tuple[list[str], str | None]:
    """Take `option VALUE` or `option=VALUE` out of `words`."""
    for index, word in enumerate(words):
        if word.startswith(f"{option}="):
            return words[:index] + words[index + 1 :], word.split("=", 1)[1]
        if word == option:
            if index + 1 == len(words):
                raise UserError(f"{option} wants a file: write {option} my_run.yaml.")
            return words[:index] + words[index + 2 :], words[index + 1]
    return words, None


def _words_of_file(path: Path, known: set[str]) -> list[str]:
    """Turn the keys and values of a YAML file into words of a command line."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UserError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"The configuration file {path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict):
        raise UserError(f"The configuration file {path} must hold lines of the form 'flag: value'.")
    words: list[str] = []
    for key, value in content.items():
        _check_name(str(key).replace("-", "_"), known, f"key of {path}")
        if value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{key}", *map(_word, values)]
    return words


def _word(value: Any) -> str:
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
