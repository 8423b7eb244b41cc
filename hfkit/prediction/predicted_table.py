"""A table in memory with what a model says of its rows."""

from typing import Any

import numpy as np
import pandas as pd
from transformers import Pipeline

from ..errors import UserError
from .results import ResultColumns
from .rows import BLOCK
from .scorer import make_scorer


def refuse_problems(problems: dict[int, str], total: int) -> None:
    """Refuse rows that cannot be read, by their position from 0.

    Raises:
        ValueError: There are some.

    """
    if problems:
        first = min(problems)
        raise ValueError(
            f"{len(problems)} of {total} rows cannot be read (the first is row {first}, counted from 0: {problems[first]}): "
            "leave them out, or give an empty text '' in place of a missing one."
        )


def predict_contents(
    pipeline: Pipeline, table: pd.DataFrame, contents: list[Any], batch_size: int | None
) -> pd.DataFrame:
    """Return a table with the predictions of its contents.

    Args:
        pipeline: Of the model.
        table: Whose columns and index are kept.
        contents: A text or a photo a row.
        batch_size: Rows of a batch; None: by the device.

    Raises:
        ValueError: A row cannot be read, or a result would overwrite a column.

    """
    results = ResultColumns.of_model(pipeline.model)
    try:
        results.check_free("The table", list(map(str, table.columns)))
    except UserError as error:
        raise ValueError(str(error)) from error
    scorer = make_scorer(pipeline, batch_size)
    parts = [np.empty((0, len(results.label_names)), dtype=np.float32)]
    problems: dict[int, str] = {}
    for start in range(0, len(contents), BLOCK):
        scored = scorer.score(contents[start : start + BLOCK], lambda rows: None)
        problems |= {start + position: problem for position, problem in scored.problems.items()}
        parts.append(scored.logits)
    refuse_problems(problems, len(contents))
    added = results.table(np.concatenate(parts))
    return pd.concat([table, added.set_axis(table.index)], axis=1)
