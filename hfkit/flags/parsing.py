"""From a command line and a YAML file to the dataclasses of a run."""

import inspect
import sys
from collections.abc import Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import transformers
from transformers import HfArgumentParser

from ..errors import UserError
from .arguments import TextModelArguments
from .command_line import (
    check_name,
    flag_names,
    flags_that_stay,
    implied_flags,
    parser_error,
    spell_out,
    take_option,
    to_argv,
)
from .configuration import CONFIGURATION_FILE, Configuration, read_configuration
from .help import show_help
from .kinds import Arguments, Data, Kinds, Model
from .names import IMAGE_FLAGS, TEXT_FLAGS
from .paths import find_run


class _Parser(HfArgumentParser):
    """An argument parser whose error is one sentence, without the page of usage."""

    def error(self, message: str) -> NoReturn:
        raise parser_error(message)


def parse_recipe(
    argv: Sequence[str] | None, kinds: Kinds[Model, Data], demo: Sequence[str], defaults: Sequence[str]
) -> tuple[Arguments[Model, Data], str]:
    """Read the flags of a recipe, and say in one line what runs.

    A run that is resumed has all its flags, also those that were filled in, from its start.

    Args:
        argv: The command line; default: that of the process.
        kinds: The dataclasses of its flags: `TEXT` or `IMAGE`.
        demo: Flags that are added where neither backbone nor dataset is given; a given pooling makes its BiGRU a linear head.
        defaults: Flags that are added otherwise; what is given wins over both.

    Raises:
        UserError: As `parse_arguments` and `resume_arguments`.

    """
    argv = list(sys.argv[1:] if argv is None else argv)
    show_help(argv, TEXT_FLAGS if issubclass(kinds[0], TextModelArguments) else IMAGE_FLAGS)
    given = parse_arguments(argv, (), kinds)
    is_demo = False
    if given.training.resume_from_checkpoint is not None:
        arguments = resume_arguments(argv, given, kinds)
    else:
        is_demo = given.model.backbone is None and given.data.dataset is None
        if getattr(given.model, "pooling", None) is not None:  # which is for a linear head alone
            demo = ["linear" if item == "bigru" else item for item in demo]
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
    folder = find_run(given.given_output_dir, given.training.resume_from_checkpoint)
    difference = find_difference(given, folder)
    if difference:
        raise UserError(
            f"The run in {folder} was started with {difference}: continue it by --output_dir {folder} "
            "--resume_from_checkpoint true alone."
        )
    ends = [
        "--output_dir",
        str(given.given_output_dir),
        "--resume_from_checkpoint",
        str(given.training.resume_from_checkpoint),
    ]
    return parse_arguments(["--config", str(folder / CONFIGURATION_FILE), *ends], (), kinds)


def find_difference(given: Arguments[Any, Any], folder: Path) -> str:
    """Say which flag has another value than a run was started with, such as `seed 1, not 2`; nothing where there is none.

    Args:
        given: The flags; those that were not given are not compared.
        folder: Of the run.

    Raises:
        UserError: The run's `hfkit.yaml` cannot be read.

    """
    started = read_configuration(folder / CONFIGURATION_FILE)
    values = {**started.flags, **started.filled_in}
    for name in sorted(given.given - _NOT_IN_A_CONFIGURATION):
        before, now = values.get(name), given.flags.get(name, given.filled_in.get(name))
        if _listed(before) != _listed(now):  # a flag may have had one value in earlier versions, and several now
            return f"{name} {before}, not {now}"
    return ""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


_NOT_IN_A_CONFIGURATION = frozenset({"output_dir", "resume_from_checkpoint", "config"})

_DECIDING = (
    "backbone",
    "backbone_revision",
    "weights",
    "head",
    "layers",
    "pooling",
    "unfreeze_from",
    "peft",
    "token_learner_tokens",
)
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
    argv = spell_out(sys.argv[1:] if argv is None else argv)
    parser = _Parser(kinds, allow_abbrev=False)
    parser.add_argument("--config", help="YAML file with flags as keys; a flag on the command line wins.")
    known = {option.lstrip("-").replace("-", "_") for option in parser._option_string_actions}
    argv, path = take_option(argv, "--config")
    file = Configuration({}) if path is None else read_configuration(Path(path))
    file_argv = to_argv(flags_that_stay(file.flags, argv), known, f"key of {path}")
    for name in flag_names(argv):
        check_name(name, known, "flag")
    filled_in = _that_hold(file, vars(parser.parse_args([*file_argv, *argv])), flag_names(argv))
    filled_argv = to_argv(filled_in, known, f"key of {path}")
    whole = [*defaults, *filled_argv, *file_argv, *argv]
    whole = [*implied_flags(whole), *whole]
    values = vars(parser.parse_args(whole))
    given = frozenset(flag_names([*defaults, *file_argv, *argv]))
    filled_in = {name: value for name, value in filled_in.items() if name not in given}
    try:
        model, data, training, *_ = parser.parse_args_into_dataclasses(whole, look_for_args_file=False)
    except (ValueError, TypeError) as error:
        raise UserError(f"{' '.join(str(error).split()).rstrip('.')}.") from error
    flags = {name: value for name, value in _flags_that_matter(parser, values, kinds).items() if name not in filled_in}
    typed = frozenset(flag_names(argv))
    return Arguments(model, data, training, values["output_dir"], flags, given, filled_in, typed)


def _that_hold(file: Configuration, values: dict[str, Any], named: Sequence[str]) -> dict[str, Any]:
    """Return what a file's run had filled in, or nothing where the command line changes what that depends on.

    A bfloat16 that was filled in gives way to float16, which is given.
    """
    before = {"peft": "none", **file.filled_in, **file.flags}  # files of earlier versions do not name it
    changed = [name for name in _DECIDING if name in named and name in before and _plain(values[name]) != before[name]]
    if changed:
        return {}
    gives_way = {"bf16"} if values["fp16"] and file.filled_in.get("bf16") else set()
    return {name: value for name, value in file.filled_in.items() if name not in gives_way}


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
