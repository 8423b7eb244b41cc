"""What is not for rows with any number of labels: refused as soon as the data are read, in one sentence."""

from typing import Any

from ..data.splits import LabelledData
from ..errors import UserError
from ..flags.class_weights import BALANCED, match_class_weights, parse_class_weights
from ..flags.kinds import Arguments


def check_labels_fit(data: LabelledData, arguments: Arguments[Any, Any]) -> None:
    """Refuse flags that do not fit the labels or their kind.

    Raises:
        UserError: Class weights name a class that is none; a focal loss meets mixed images; or a row has any number of labels,
            and a flag is for one label a row.

    """
    training, options = arguments.training, arguments.data
    weights = parse_class_weights(training.class_weights)
    if isinstance(weights, dict):
        match_class_weights(weights, data.label_names)
    mixes = [name for name in ("mixup", "cutmix") if getattr(options, name, 0) > 0]
    if training.focal_gamma > 0 and mixes:
        raise UserError(
            f"--focal_gamma goes by the probability of a row's own class, and --{mixes[0]} mixes classes: leave one of them out."
        )
    if not data.is_multi_label:
        return
    refused = {
        "--max_error": (training.max_error is not None, "a row is answered label by label, see --label_thresholds"),
        "--train_sampling_strategy balanced": (
            training.train_sampling_strategy == BALANCED,
            "rare labels count more by --class_weights balanced",
        ),
        "--logit_adjustment": (training.logit_adjustment > 0, "rare labels count more by --class_weights balanced"),
        "--mixup": (getattr(options, "mixup", 0) > 0, "mixed images have shares of classes"),
        "--cutmix": (getattr(options, "cutmix", 0) > 0, "mixed images have shares of classes"),
    }
    for flag, (is_given, reason) in refused.items():
        if is_given:
            raise UserError(
                f"{flag} is for one label a row, and here a row has any number of them ({reason}): leave it out."
            )
