"""What is not for rows with any number of labels: refused as soon as the data are read, in one sentence."""

from typing import Any

from ..data.splits import LabelledData
from ..errors import UserError
from ..flags.kinds import Arguments


def check_labels_fit(data: LabelledData, arguments: Arguments[Any, Any]) -> None:
    """Refuse flags that do not fit the kind of the labels.

    Raises:
        UserError: A row has any number of labels, and a flag is for one label a row.

    """
    if not data.is_multi_label:
        return
    training, options = arguments.training, arguments.data
    refused = {
        "--max_error": (training.max_error is not None, "a row is answered label by label, see --label_thresholds"),
        "--mixup": (getattr(options, "mixup", 0) > 0, "mixed images have shares of classes"),
        "--cutmix": (getattr(options, "cutmix", 0) > 0, "mixed images have shares of classes"),
    }
    for flag, (is_given, reason) in refused.items():
        if is_given:
            raise UserError(
                f"{flag} is for one label a row, and here a row has any number of them ({reason}): leave it out."
            )
