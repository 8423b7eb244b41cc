"""What a model card says against its model: what it was not tested on, and what it gets wrong."""

from typing import Any

import numpy as np

from ..evaluation.intervals import accuracy_interval, warn_of_few_rows, with_interval


def describe_limitations(shown: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """Say what the errors on held-out rows show."""
    several = bool(shown) and "confusion" not in shown
    lines = [
        f"It was trained and tested on {summary['dataset']}: on rows that differ from those (another time, source or "
        "language) its accuracy is unknown, and most often lower.",
        f"A score is the model's {'sigmoid' if several else 'softmax'}, not the chance that it is right.",
    ]
    if not shown:
        return lines
    if several:
        return [*lines, *_limitations_of_label_sets(shown, summary)]
    names, confusion = list(summary["classes"]), np.array(shown["confusion"])
    wrong = confusion - np.diag(np.diag(confusion))
    total = int(confusion.sum())
    lines.append(f"{wrong.sum()} of {total} rows of {shown['split']} are wrong.")
    if warning := warn_of_few_rows(shown["split"], total, *accuracy_interval(int(np.trace(confusion)), total)):
        lines.append(warning)
    for flat in np.argsort(-wrong, axis=None)[:3]:
        true, predicted = np.unravel_index(flat, wrong.shape)
        if wrong[true, predicted]:
            lines.append(
                f"{wrong[true, predicted]} of {confusion[true].sum()} rows that are {names[true]} are taken for "
                f"{names[predicted]}."
            )
    return lines


def _limitations_of_label_sets(shown: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """Say which labels the model gets least right, where each row has any number of them."""
    names, rows, total = list(summary["classes"]), shown["classes"], summary["rows"][shown["split"]]
    exact = with_interval(shown["accuracy"], shown["accuracy_low"], shown["accuracy_high"])
    lines = [
        f"Of {total} rows of {shown['split']} this share has exactly the right labels, which is called accuracy here: {exact}."
    ]
    if warning := warn_of_few_rows(shown["split"], total, shown["accuracy_low"], shown["accuracy_high"]):
        lines.append(warning)
    for name in sorted(names, key=lambda name: rows[name]["f1-score"])[:3]:
        f1 = with_interval(*(rows[name][f"f1-score{end}"] for end in ("", "_low", "_high")))
        lines.append(f"{name}, which {int(rows[name]['support'])} of these rows have, has an F1 of {f1}.")
    return lines
