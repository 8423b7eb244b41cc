"""What a command line alone makes impossible, told before torch is imported, in the sentences of the later checks."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

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
from .configuration import Configuration, read_configuration
from .names import RecipeFlags, known_names, table_holds
from .paths import (
    check_backbone_path,
    check_dataset_path,
    check_is_folder,
    check_names,
    check_output_dir,
    check_weights_path,
    find_run,
)
from .values import check_learning_rate, check_lora_is_on, check_seeds, check_steps


def check_early(argv: Sequence[str], flags: RecipeFlags) -> None:
    """Refuse a command line whose names, values or paths cannot be right; what is not refused may still be wrong.

    Args:
        argv: Flags of a recipe.
        flags: Which recipe's.

    Raises:
        UserError: A name, a value, a path or the file of `--config` is wrong.

    """
    check_names(argv)
    whole = whole_command_line(argv, known_names(flags) if table_holds() else None)
    parser = _parser(flags)
    values = vars(parser.parse_known_args([*implied_flags(whole), *whole])[0])
    check_paths(values)
    # The dataclasses themselves refuse values that are out of range.
    for group in (flags.model, flags.data, flags.training):
        names = {name for name, item in group.__dataclass_fields__.items() if item.init}
        group(**{name: value for name, value in values.items() if name in names})
    check_steps(values["num_train_epochs"], values["max_steps"], values["gradient_accumulation_steps"])
    check_seeds(values["seed"], values["data_seed"])
    if values["resume_from_checkpoint"] is None:  # otherwise both may only repeat the run's start, and do nothing
        typed = flag_names(spell_out(argv))
        check_learning_rate(values["unfreeze_from"], values["peft"], values["learning_rate"], typed)
        check_lora_is_on(values["peft"], typed)


def whole_command_line(argv: Sequence[str], known: frozenset[str] | None) -> list[str]:
    """Return a command line with the flags of its `--config` file in front, every name of both being known.

    Raises:
        UserError: A name is unknown, or the file cannot be read.

    """
    rest, path = take_option(spell_out(argv), "--config")
    file = Configuration({}) if path is None else read_configuration(Path(path))
    whole = [*to_argv(flags_that_stay(file.flags, rest), known, f"key of {path}"), *rest]
    if known is not None:
        to_argv(file.filled_in, known, f"key of {path}")
        for name in flag_names(rest):
            check_name(name, known, "flag")
    return whole


def check_paths(values: dict[str, Any]) -> None:
    """Refuse paths that lead nowhere, and a folder that cannot be a run's.

    Args:
        values: The values of given flags, by name.

    Raises:
        UserError: A path is wrong.

    """
    output_dir, resume = values.get("output_dir"), values.get("resume_from_checkpoint")
    if resume is not None:
        find_run(output_dir, resume)
        return  # the paths of the run that is continued come from its own file
    if output_dir is None:
        check_is_folder("runs")
    else:
        check_output_dir(output_dir)
    if values.get("dataset") is not None:
        check_dataset_path(values["dataset"])
    if values.get("backbone") is not None:
        check_backbone_path(values["backbone"])
    if values.get("weights") is not None:
        check_weights_path(values["weights"])


_WHOLE_NUMBERS = {"max_steps": -1, "gradient_accumulation_steps": 1, "seed": 42, "data_seed": None}
"""Flags of transformers whose values are checked here, and their defaults, which a test compares."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise parser_error(message)


def _parser(flags: RecipeFlags) -> _Parser:
    """Return a parser of the flags that we add and of the few others that are checked; it passes over the rest."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    hints = {**get_type_hints(flags.training), **get_type_hints(flags.model), **get_type_hints(flags.data)}
    for name, item in flags.fields().items():
        parser.add_argument(f"--{name}", **_option(item, hints[name]))
        if item.default is True:
            parser.add_argument(f"--no_{name}", dest=name, action="store_false", default=True)
    parser.add_argument("--resume_from_checkpoint")
    for name, default in _WHOLE_NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser


def _option(item: "Field[Any]", hint: Any) -> dict[str, Any]:
    """Return how argparse reads a flag of this type, as transformers' HfArgumentParser has it."""
    default = item.default if item.default_factory is MISSING else item.default_factory()
    kind = _without_none(hint)
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return {"choices": choices, "type": _choice(choices), "default": default}
    if kind is bool:
        optional = {} if default is None else {"nargs": "?", "const": True}
        return {"type": _to_bool, "default": default, **optional}
    if get_origin(kind) is list:
        return {"type": get_args(kind)[0], "nargs": "+", "default": default}
    return {"type": kind, "default": default}


def _without_none(hint: Any) -> Any:
    """Return the type of a flag that may also be left out."""
    if get_origin(hint) in (Union, UnionType):
        return next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint


def _choice(choices: Sequence[Any]) -> Callable[[str], Any]:
    by_text = {str(choice): choice for choice in choices}
    return lambda text: by_text.get(text, text)


def _to_bool(text: str) -> bool:
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise ArgumentTypeError(
        f"Truthy value expected: got {text} but expected one of yes/no, true/false, t/f, y/n, 1/0 (case insensitive)"
    )


def check_profile_early(model: str, argv: Sequence[str], all_flags: Sequence[RecipeFlags]) -> None:
    """Refuse flags of a recipe that none of `all_flags` has, and a model that looks like a path where nothing is.

    Raises:
        UserError: A flag or the path is wrong.

    """
    if table_holds():
        whole_command_line(argv, frozenset().union(*map(known_names, all_flags)))
    check_backbone_path(model)
