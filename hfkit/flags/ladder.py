"""The command line of a ladder: the flags that it hands on to its rungs, and its budget; nothing here imports torch."""

import re
from collections.abc import Sequence

from ..errors import UserError
from .command_line import check_name, spell_out
from .names import IMAGE_FLAGS, TEXT_FLAGS, known_names, table_holds
from .paths import check_dataset_path, check_is_folder

_DECIDED = frozenset(
    "dataset output_dir head unfreeze_from ngrams layers pooling solver head_logits resume_from_checkpoint config push_to_hub "
    "hub_model_id summary max_error label_issues peft".split()
)
"""What the ladder itself says to each rung, or does not do."""


def check_ladder_early(dataset: str, flags: Sequence[str], budget: str | None, output_dir: str | None) -> None:
    """Refuse what the command line alone makes impossible.

    Raises:
        UserError: As above.

    """
    if dataset.startswith("-"):
        raise UserError(f"hfkit ladder begins with the data, not with {dataset}: write hfkit ladder DATA {dataset} ...")
    known = known_names(TEXT_FLAGS) | known_names(IMAGE_FLAGS) if table_holds() else None
    read_ladder_flags(flags, known)
    read_budget(budget)
    check_dataset_path(dataset)
    if output_dir is not None:
        check_is_folder(output_dir)


def read_budget(text: str | None) -> float | None:
    """Return the seconds of `90s`, `10m`, `2h` or a plain number of minutes.

    Raises:
        UserError: It is none of them, or not above 0.

    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    seconds = float(match[1]) * {"s": 1, "m": 60, "": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise UserError(f"--budget is {text}: write a time above 0, such as 90s, 10m or 2h.")
    return seconds


def read_ladder_flags(
    argv: Sequence[str], known: frozenset[str] | None = None, kind: str = "flag"
) -> dict[str, list[str]]:
    """Return the flags of a command line with their values.

    Args:
        argv: What stands behind the data, without the ladder's own options.
        known: The names that there are; None: any is taken.
        kind: What a message calls a flag.

    Raises:
        UserError: A flag is unknown or the ladder's own, chooses on the rows that decide, or a value stands before any flag.

    """
    flags: dict[str, list[str]] = {}
    values: list[str] | None = None
    for item in spell_out(argv):
        if item.startswith("--"):
            name, equals, value = item[2:].partition("=")
            if name in _DECIDED:
                raise UserError(
                    f"--{name} is what a ladder decides for each rung: leave it out, or run the recipe itself."
                )
            if known is not None:
                check_name(name, known, kind)
            values = flags[name] = [value] if equals else []
        elif values is None:
            raise UserError(
                f"hfkit ladder takes one file, folder or Hub id, not {item} besides: write its flags with --."
            )
        else:
            values.append(item)
    if flags.get("label_thresholds") == ["auto"]:
        raise UserError(
            "--label_thresholds auto chooses on validation, by which a ladder compares its rungs: write numbers, or leave it out."
        )
    return flags
