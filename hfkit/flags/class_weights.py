"""`--class_weights`: none, balanced, or a weight for each class that is named; nothing here imports torch."""

import difflib
import json
import math
from collections.abc import Sequence

from ..errors import UserError

NONE, BALANCED = "none", "balanced"


def parse_class_weights(values: Sequence[str]) -> str | dict[str, float]:
    """Return `none`, `balanced`, or the weights that are given by the names of classes.

    Args:
        values: One of the two, items such as `fake=2`, or one JSON object, as files and Python write a dictionary.

    Raises:
        UserError: They are none of these, or a weight is not above 0.

    """
    if len(values) == 1 and values[0] in (NONE, BALANCED):
        return values[0]
    weights: dict[str, float] = {}
    for value, name, number in _split(values):
        weight = _read_number(number)
        if not name or name in weights or not 0 < weight < math.inf:
            raise UserError(
                f"--class_weights has {value[:100]!r}: write none, balanced, or for each class once its name, an equals sign and "
                "a weight above 0, such as fake=2 real=1."
            )
        weights[name] = weight
    return weights


def _split(values: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return each value with its name and number; a name may have an equals sign in it."""
    if len(values) == 1 and values[0].startswith("{"):
        try:
            return [(f"{name}={number}", str(name), str(number)) for name, number in json.loads(values[0]).items()]
        except ValueError:
            return [(values[0], "", "")]
    return [(value, *value.rpartition("=")[::2]) for value in values] or [("", "", "")]


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def match_class_weights(weights: dict[str, float], names: Sequence[str]) -> tuple[float, ...]:
    """Return the weight of each class in the order of the label ids; one that is not named has 1.

    Raises:
        UserError: A name is no class's.

    """
    for name in weights:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the classes are {', '.join(names[:20])}."
            raise UserError(f"--class_weights names {name!r}, which is no class of the data: {hint}")
    return tuple(weights.get(name, 1.0) for name in names)


def check_balance(
    class_weights: Sequence[str], sampling: str | None, focal_gamma: float, logit_adjustment: float
) -> None:
    """Refuse weights, an order of the rows and a loss that cannot be, or that do the same twice.

    Args:
        class_weights: `--class_weights`.
        sampling: `--train_sampling_strategy`.
        focal_gamma: `--focal_gamma`.
        logit_adjustment: `--logit_adjustment`.

    Raises:
        UserError: As above.

    """
    ways = {
        "--class_weights balanced": parse_class_weights(class_weights) == BALANCED,
        "--train_sampling_strategy balanced": sampling == BALANCED,
        f"--logit_adjustment {logit_adjustment:g}": logit_adjustment > 0,
    }
    twice = [way for way, is_given in ways.items() if is_given]
    if len(twice) > 1:
        raise UserError(f"{twice[0]} and {twice[1]} both make up for rare classes: leave one of them out.")
    if not 0 <= logit_adjustment < math.inf:
        raise UserError(f"--logit_adjustment is {logit_adjustment:g}: write 0 or more, such as 1.")
    if not 0 <= focal_gamma < math.inf:
        raise UserError(f"--focal_gamma is {focal_gamma:g}: write 0 or more, such as 2.")


def check_focal_loss(focal_gamma: float, label_smoothing_factor: float) -> None:
    """Refuse a focal loss beside label smoothing: it goes by the probability of one class, and not of a mixture.

    Raises:
        UserError: As above.

    """
    if focal_gamma > 0 and label_smoothing_factor > 0:
        raise UserError(
            "--focal_gamma goes by the probability of a row's own class, which --label_smoothing_factor mixes with the others: "
            "leave one of them out."
        )
