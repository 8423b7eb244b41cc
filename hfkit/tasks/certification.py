"""Rows of validation that are held out to certify what a model answers."""

from dataclasses import replace
from typing import Any

from ..data.halves import CERTIFICATION, halve_validation
from ..data.splits import LabelledData
from ..evaluation.abstention import fewest_rows
from ..flags.kinds import Arguments
from ..flags.solver import is_solved
from ..notes import Note
from .label_checks import check_labels_fit


def hold_out_certification(data: LabelledData, arguments: Arguments[Any, Any]) -> LabelledData:
    """Halve validation where `--max_error` is given: one half chooses, and the other certifies (see `training.certify`).

    A solved head has its thresholds chosen by training rows out of fold, and leaves validation whole.

    Raises:
        UserError: Validation has one row, or a flag is not for the kind of the labels.

    """
    check_labels_fit(data, arguments)
    max_error = arguments.training.max_error
    if max_error is None or is_solved(arguments.training):
        return data
    splits = halve_validation(data.splits)
    choosing, certifying = len(splits["validation"]), len(splits[CERTIFICATION])
    text = (
        f"Validation is halved, with stratification, by --max_error {max_error:g}: {choosing} rows choose, and what is said of "
        f"validation is said of them; {certifying} certify what is answered, and nothing else reads them."
    )
    least = fewest_rows(max_error)
    if certifying < least:
        text += f" Those are too few: it takes {least:,} even where all are answered rightly."
    return replace(data, splits=splits, notes=[*data.notes, Note("validation_halved", text)])
