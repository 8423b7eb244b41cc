"""What `--help` says: the flags that people use, without torch; and with `--help all` every flag that does something."""

import os
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any

from .command_line import ALIASES
from .names import TEXT_FLAGS, RecipeFlags

WIDTH = 100
_INDENT = 30

_TRAINING = (
    "num_train_epochs per_device_train_batch_size learning_rate head_learning_rate gradient_accumulation_steps "
    "early_stopping_patience metric_for_best_model class_weights seed"
)
_OUTPUT = "output_dir resume_from_checkpoint baselines push_to_hub config"
_TEXT_GROUPS = {
    "Data": "dataset text_column label_column label_names cleaning max_length max_train_samples",
    "Model": "backbone head pooling",
    "What trains": "unfreeze_from peft feature_cache",
    "Training": _TRAINING,
    "Output": _OUTPUT,
}
_IMAGE_GROUPS = {
    "Data": "dataset label_column label_from_name image_size augment mixup max_train_samples",
    "Model": "backbone weights head head_dropout",
    "What trains": "unfreeze_from peft feature_cache",
    "Training": _TRAINING,
    "Output": _OUTPUT,
}
_TEXT_EXAMPLES = (
    "",
    " --backbone bert-base-uncased --dataset my_tweets.csv",
    " --head bigru --unfreeze_from none --epochs 8",
)
_IMAGE_EXAMPLES = (
    "",
    " --dataset my_photos --epochs 20 --batch_size 32",
    " --backbone vit_base_patch16_224 --unfreeze_from blocks.11",
)
_OF_THE_VERB = (
    "--name NAME begins the name of the run's folder, runs/NAME-TIME, in place of what the data are called.",
    "--json prints the results as JSON; the rest goes to stderr.",
)
FURTHER_FLAGS: dict[str, tuple[str, Any]] = {
    "gradient_accumulation_steps": ("Batches whose gradients are added up for one step.", 1),
    "seed": ("Seed of everything random.", 42),
    "resume_from_checkpoint": (
        "true: continue the run in --output_dir; or the folder of one of its checkpoints.",
        None,
    ),
    "push_to_hub": ("Prove and upload the model at the end; needs --hub_model_id USER/NAME and --license.", False),
    "config": ("YAML file with flags as keys; a flag on the command line wins.", None),
}
"""Help and default of the flags that are used most and are not ours; a test compares the defaults."""

WITHOUT_EFFECT = {
    "do_train": "a recipe always trains",
    "do_eval": "see eval_strategy",
    "do_predict": "a test split is always predicted",
    "hub_always_push": "the run is pushed once, at its end",
    "hub_strategy": "the run is pushed once, at its end",
    "hub_token": "refused: it would stand in the shell's history",
    "hub_revision": "refused: a proven push goes to main",
    "include_for_metrics": "the metrics need labels and logits alone",
    "length_column_name": "the rows' lengths have one name",
    "liger_kernel_config": "its kernels are for language models",
    "local_rank": "the launcher says it",
    "remove_unused_columns": "the rows have no others",
    "use_cache": "of generation",
    "use_liger_kernel": "its kernels are for language models",
    "gradient_checkpointing": "the old name of activation_checkpointing",
    "gradient_checkpointing_kwargs": "the old name of activation_checkpointing_kwargs",
}
"""Flags of transformers that do nothing good in a recipe, and why; `--help all` names them without explaining them."""


def show_help(argv: Sequence[str], flags: RecipeFlags, command: str | None = None) -> None:
    """Print the help that a command line asks for, if it does, and end the process.

    Args:
        argv: The command line.
        flags: Whose flags are explained.
        command: What the examples begin with; default: the launcher and the recipe.

    Raises:
        SystemExit: Help was asked for, and printed by the first process.

    """
    asked = next((index for index, item in enumerate(argv) if item in ("-h", "--help")), None)
    if asked is None:
        return
    is_all = argv[asked + 1 : asked + 2] == ["all"]
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(full_help(flags) if is_all else short_help(flags, command), flush=True)
    raise SystemExit(0)


def short_help(flags: RecipeFlags, command: str | None = None) -> str:
    """Return three examples and the flags that people use, in groups, with their defaults; `command` as in `show_help`."""
    is_text = flags == TEXT_FLAGS
    ours = flags.fields()
    recipe = "recipes/fakenews.py" if is_text else "recipes/cifar10.py"
    first = command or f"accelerate launch -q --config_file accelerate_config.yaml {recipe}"
    other = command or f"accelerate launch ... {recipe}"
    examples = _TEXT_EXAMPLES if is_text else _IMAGE_EXAMPLES
    lines = [f"  {other if example else first}{example}" for example in examples]
    parts = ["Examples:", *lines, ""]
    for title, names in (_TEXT_GROUPS if is_text else _IMAGE_GROUPS).items():
        lines = [
            _describe(name, *(_help_and_default(ours[name]) if name in ours else FURTHER_FLAGS[name]))
            for name in names.split()
        ]
        parts += [f"{title}:", *lines, ""]
    if command is not None:
        parts += [*_OF_THE_VERB, ""]
    parts.append("--help all shows every flag. Dashes in names may be underscores, and the other way round.")
    return "\n".join(parts)


def full_help(flags: RecipeFlags) -> str:
    """Return all flags that have an effect, ours first; this imports torch."""
    import transformers

    ours = flags.fields()
    theirs = [item for item in fields(transformers.TrainingArguments) if item.name not in ours]
    fixed = {item.name for item in fields(flags.training) if not item.init}
    further = [item for item in theirs if item.name not in {*WITHOUT_EFFECT, *fixed}]
    groups: dict[str, Iterable[Field[Any]]] = {
        "Data": [item for item in fields(flags.data) if item.init],
        "Model": [item for item in fields(flags.model) if item.init],
        "Training": [item for item in fields(flags.training) if item.init],
        "Of transformers' Trainer": further,
    }
    parts = []
    for title, group in groups.items():
        parts += [f"{title}:", *(_describe(item.name, *_help_and_default(item)) for item in group), ""]
    parts += ["In a file:", _describe("config", *FURTHER_FLAGS["config"]), ""]
    known = ", ".join(name for name in WITHOUT_EFFECT if name not in fixed)
    rest = f"Known too, but without effect here or of another name now: {known}."
    return "\n".join([*parts, *textwrap.wrap(rest, WIDTH), "--no_NAME is short for --NAME false."])


def _help_and_default(item: "Field[Any]") -> tuple[str, Any]:
    if item.name in FURTHER_FLAGS:
        return FURTHER_FLAGS[item.name]
    default = item.default if item.default_factory is MISSING else item.default_factory()
    return str(item.metadata.get("help", "")).replace("%%", "%"), default


def _describe(name: str, text: str, default: Any) -> str:
    """Return the lines of one flag: its names at the left, what it does at the right."""
    short = [alias for alias, whole in ALIASES.items() if whole == name]
    names = "  " + ", ".join(f"--{item}" for item in (*short, name))
    text = " ".join(text.split())
    if default not in (None, "", []) and "default:" not in text:
        text = f"{text.removesuffix('.')} (default: {_plain(default)})."
    lines = textwrap.wrap(text, WIDTH - _INDENT, break_on_hyphens=False)
    if len(names) > _INDENT - 2:
        return "\n".join([names, *(" " * _INDENT + line for line in lines)])
    return "\n".join(
        [names.ljust(_INDENT) + (lines[0] if lines else ""), *(" " * _INDENT + line for line in lines[1:])]
    )


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value if isinstance(value, Enum) else value)
