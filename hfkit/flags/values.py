"""Refusals of values that depend on a flag of transformers, or on how they were given; nothing here imports torch.

Each has its one home here: the check before torch is imported and the later one both call it.
"""

import re
from collections.abc import Collection, Sequence

from ..errors import UserError

LORA_FLAGS = ("lora_rank", "lora_alpha", "lora_targets", "keep_adapter")
"""Flags that do nothing without `--peft lora`."""
NAME_FIELDS = ("label", "number", "any")
"""What `--label_from_name` may have in braces: the label, a whole number, and what does not count."""
MOST_SEEDS = 2**32
"""How many seeds NumPy takes, from 0 on."""


def check_steps(num_train_epochs: float, max_steps: int, gradient_accumulation_steps: int) -> None:
    """Refuse a training without steps.

    Raises:
        UserError: It has none.

    """
    if num_train_epochs <= 0 and max_steps <= 0:
        raise UserError(
            f"--num_train_epochs is {num_train_epochs:g}: write a number above 0, such as 3, or --max_steps."
        )
    if gradient_accumulation_steps < 1:
        raise UserError(f"--gradient_accumulation_steps is {gradient_accumulation_steps}: write at least 1.")


def check_seeds(seed: int, data_seed: int | None) -> None:
    """Refuse seeds that NumPy does not take.

    Raises:
        UserError: One is below 0 or too large.

    """
    for name, value in (("seed", seed), ("data_seed", data_seed)):
        if value is not None and not 0 <= value < MOST_SEEDS:
            raise UserError(f"--{name} is {value}: write a whole number from 0 to {MOST_SEEDS - 1}.")


def check_name_pattern(pattern: str | None) -> None:
    """Refuse a form of file names that does not say where the label is.

    Args:
        pattern: `--label_from_name`, such as `{label}_{number}`; None: it is not given.

    Raises:
        UserError: It has no `{label}` or two, or something else in braces than `{number}` and `{any}`.

    """
    if pattern is None:
        return
    names = re.findall(r"\{([^{}]*)\}", pattern)
    rest = re.sub(r"\{[^{}]*\}", "", pattern)
    unknown = [name for name in names if name not in NAME_FIELDS]
    if names.count("label") != 1 or unknown or "{" in rest or "}" in rest:
        raise UserError(
            f"--label_from_name {pattern!r}: write the form of the names with {{label}} once, and {{number}} or {{any}} for what "
            'else differs, such as "{label}_{number}" for cat_1.jpg, or "{label}/{any}" for cat/a.jpg.'
        )


def check_learning_rate(
    unfreeze_from: str, peft: str, learning_rate: float | None, on_command_line: Collection[str]
) -> None:
    """Refuse a learning rate of the backbone where the backbone is frozen and has no adapters.

    One in a file may come from a run whose backbone trained, or of a time when it was not refused.

    Args:
        unfreeze_from: `--unfreeze_from`.
        peft: `--peft`.
        learning_rate: `--learning_rate`.
        on_command_line: Names of the flags that stand on the command line.

    Raises:
        UserError: It would do nothing.

    """
    is_frozen = unfreeze_from == "none" and peft == "none"
    if is_frozen and learning_rate is not None and "learning_rate" in on_command_line:
        raise UserError(
            f"--learning_rate {learning_rate:g} is the backbone's, which --unfreeze_from none freezes: write "
            f"--head_learning_rate {learning_rate:g} for the head."
        )


def check_lora(peft: str, unfreeze_from: str, rank: int, alpha: int, targets: Sequence[str]) -> None:
    """Refuse adapters beside layers that train themselves, and values of adapters that cannot be.

    Args:
        peft: `--peft`.
        unfreeze_from: `--unfreeze_from`, given or implied.
        rank: `--lora_rank`.
        alpha: `--lora_alpha`.
        targets: `--lora_targets`.

    Raises:
        UserError: As above.

    """
    if peft == "lora" and unfreeze_from != "none":
        raise UserError(
            f"--peft lora trains adapters in a frozen backbone, and --unfreeze_from {unfreeze_from} trains its own weights: "
            "leave --unfreeze_from out, or write none."
        )
    for name, value, example in (("lora_rank", rank, 8), ("lora_alpha", alpha, 16)):
        if value < 1:
            raise UserError(f"--{name} is {value}: write a whole number above 0, such as {example}.")
    wrong = not targets or ("auto" in targets and list(targets) != ["auto"]) or len(set(targets)) < len(targets)
    if wrong or not all(part for target in targets for part in target.split(".")):
        raise UserError(
            f"--lora_targets is {' '.join(targets) or 'empty'}: write auto alone, or names of linear layers or of modules that "
            "hold some, such as query value or encoder.layer.11, each of them once."
        )


def check_lora_is_on(peft: str, on_command_line: Collection[str]) -> None:
    """Refuse flags of adapters where there are none.

    Args:
        peft: `--peft`.
        on_command_line: Names of the flags that stand on the command line.

    Raises:
        UserError: They would do nothing.

    """
    idle = [name for name in LORA_FLAGS if name in on_command_line]
    if peft == "none" and idle:
        raise UserError(f"--{idle[0]} is for --peft lora: add it, or leave --{idle[0]} out.")


def check_layers(layers: Sequence[str], are_numbers: bool) -> None:
    """Refuse what cannot be layers.

    Args:
        layers: `--layers`.
        are_numbers: Whether layers are numbers, as those of texts; those of images are names.

    Raises:
        UserError: `auto` stands beside others, a layer is named twice, or is no number where it must be.

    """
    shown = " ".join(layers) or "empty"
    if list(layers) == ["auto"]:
        return
    wrong = [
        layer for layer in layers if layer == "auto" or (are_numbers and not (layer.isdecimal() and layer.isascii()))
    ]
    if wrong or len(set(layers)) < len(layers) or not layers:
        what = "numbers such as 1 2 3 4" if are_numbers else "names of modules such as blocks.2 features"
        raise UserError(f"--layers is {shown}: write auto alone, or {what}, each of them once.")


def read_layers(layers: Sequence[str] | None) -> list[str] | None:
    """Return the layers that `--layers` names; None where it means all."""
    return None if layers is None or list(layers) == ["auto"] else list(layers)


AUTO_THRESHOLDS = ["auto"]
"""`--label_thresholds` that are chosen on validation."""


def check_label_thresholds(thresholds: Sequence[str] | None) -> None:
    """Refuse thresholds that are no scores.

    Raises:
        UserError: As above.

    """
    if thresholds is None or list(thresholds) == AUTO_THRESHOLDS:
        return
    try:
        values = [float(threshold) for threshold in thresholds]
    except ValueError:
        values = []
    if not values or not all(0 < value < 1 for value in values):
        raise UserError(
            f"--label_thresholds is {' '.join(thresholds)}: write auto, one score between 0 and 1 such as 0.3, or one for each "
            "label."
        )


def read_label_thresholds(thresholds: Sequence[str] | None, labels: int) -> list[float] | None:
    """Return the thresholds that flags name, one for each label; None: 0.5, or those that are chosen later.

    Raises:
        UserError: They are neither one nor as many as the labels.

    """
    if thresholds is None or list(thresholds) == AUTO_THRESHOLDS:
        return None
    values = [float(threshold) for threshold in thresholds]
    if len(values) not in (1, labels):
        raise UserError(
            f"--label_thresholds has {len(values)} scores for {labels} labels: write one for all, or one for each."
        )
    return values * labels if len(values) == 1 else values
