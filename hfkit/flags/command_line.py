"""A command line as names and values: spellings, short names, and what a name that is wrong should have been.

Nothing here imports torch or transformers.
"""

import difflib
import json
import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

from ..errors import UserError
from .values import LORA_FLAGS

ALIASES = {"lr": "learning_rate", "epochs": "num_train_epochs", "batch_size": "per_device_train_batch_size"}
"""Short names of flags, for the command line alone."""

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


def spell_out(argv: Sequence[str]) -> list[str]:
    """Return a command line with underscores in the names of its flags, and no short names; values stay as they are."""
    return [_spell_out(item) if item.startswith("--") else item for item in argv]


def _spell_out(item: str) -> str:
    name, equals, value = item[2:].partition("=")
    name = name.replace("-", "_")
    return f"--{ALIASES.get(name, name)}{equals}{value}"


def flag_names(argv: Sequence[str]) -> list[str]:
    """Return the names of the flags in a command line."""
    return [item[2:].split("=")[0].replace("-", "_") for item in argv if item.startswith("--")]


def flags_that_stay(flags: dict[str, Any], argv: Sequence[str]) -> dict[str, Any]:
    """Return a file's flags without those that do not go with what the command line asks for.

    A BiGRU has no pooling, and a head other than `layers` no layers; adapters stand in a frozen backbone, and layers that
    train have none.

    Args:
        flags: Of the file.
        argv: The command line, spelled out; what stands on it stays, and may be refused.

    """
    head, peft, unfreeze_from = (last_value(argv, name) for name in ("head", "peft", "unfreeze_from"))
    dropped: set[str] = set()
    if head == "bigru":
        dropped.add("pooling")
    if head is not None and head != "layers":
        dropped.add("layers")
    if peft == "lora":
        dropped.add("unfreeze_from")
    if peft == "none" or (peft is None and unfreeze_from not in (None, "none")):
        dropped |= {"peft", *LORA_FLAGS}
    return {name: value for name, value in flags.items() if name not in dropped}


def implied_flags(argv: Sequence[str]) -> list[str]:
    """Return what a whole command line, spelled out, implies where it is not given: adapters freeze the backbone."""
    implies_freezing = last_value(argv, "peft") == "lora" and "unfreeze_from" not in flag_names(argv)
    return ["--unfreeze_from", "none"] if implies_freezing else []


def last_value(argv: Sequence[str], flag: str) -> str | None:
    """Return the value of a flag that has one, the last where it stands more than once; None where it is not there."""
    arguments = [part for item in argv for part in (item.split("=", 1) if item.startswith(f"--{flag}=") else [item])]
    values = [value for name, value in pairwise(arguments) if name == f"--{flag}"]
    return values[-1] if values else None


def take_option(
    argv: Sequence[str], option: str, missing: str = "--config wants a file: write --config my_run.yaml."
) -> tuple[list[str], str | None]:
    """Take `option VALUE` or `option=VALUE` out of a command line, and return the rest and the value.

    Args:
        argv: The command line.
        option: Its name, with the dashes.
        missing: What is said where the value is missing.

    Raises:
        UserError: The value is missing.

    """
    for index, item in enumerate(argv):
        if item.startswith(f"{option}="):
            return [*argv[:index], *argv[index + 1 :]], item.split("=", 1)[1]
        if item == option:
            if index + 1 == len(argv):
                raise UserError(missing)
            return [*argv[:index], *argv[index + 2 :]], argv[index + 1]
    return list(argv), None


def to_argv(flags: dict[str, Any], known: Collection[str] | None, kind: str) -> list[str]:
    """Turn the keys and values of a file into a command line.

    Args:
        flags: Keys and values; those that are None are dropped.
        known: All names that there are; None: not known here, so any name is taken.
        kind: What messages call a key.

    Raises:
        UserError: A key is unknown, or an item of a list would be taken for a flag.

    """
    argv: list[str] = []
    for key, value in flags.items():
        if known is not None:
            check_name(key, known, kind)
        if value is None:
            continue
        items = [_item_text(item) for item in (value if isinstance(value, list) else [value])]
        if len(items) == 1 and items[0].startswith("--"):
            argv.append(f"--{key}={items[0]}")
            continue
        if any(item.startswith("--") for item in items):
            raise UserError(
                f"The {kind} '{key}' has an item that begins with two dashes, which is read as a flag: leave it out."
            )
        argv += [f"--{key}", *items]
    return argv


def _item_text(value: Any) -> str:
    """Return how a value of a file is written on a command line."""
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_name(name: str, known: Collection[str], kind: str) -> None:
    """Refuse an unknown name with the nearest known one, and a renamed one with its new name.

    Raises:
        UserError: The name is none of `known`.

    """
    if name in known:
        return
    if name in ALIASES:
        raise UserError(f"The {kind} '{name}' is a short name for the command line alone: write {ALIASES[name]}.")
    if name in RENAMED_ARGUMENTS:
        raise UserError(f"The {kind} '{name}' is not in use any more: write {RENAMED_ARGUMENTS[name]}.")
    if name in _REMOVED:
        raise UserError(f"The {kind} '{name}' is not in use any more: write {_REMOVED[name]}.")
    if name == "help_all":
        raise UserError(f"Unknown {kind} '{name}': write --help all.")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "--help all lists them all."
    raise UserError(f"Unknown {kind} '{name}': {hint}")


def parser_error(message: str) -> UserError:
    """Return what argparse says of a wrong value as our error."""
    message = re.sub(r"^(argument --\w+)/\S+:", r"\1:", message).rstrip(".")  # one spelling is enough
    return UserError(f"{message[0].upper()}{message[1:]}. Every flag is explained by --help all.")
