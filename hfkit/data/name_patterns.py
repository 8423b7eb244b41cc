"""Labels in the names of files, such as `{label}_{number}` for `cat_1.jpg`: read by a pattern, which may be found."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from .class_folders import is_data_name

_FIELDS = {"label": r"(?P<label>[^/]+?)", "number": r"\d+", "any": r"[^/]*?"}
USUAL_PATTERNS = (
    "{label}_{number}",
    "{label}.{number}",
    "{label}-{number}",
    "{label} ({number})",
    "{label} {number}",
    "{label}{number}",
    "{number}_{label}",
    "{number}.{label}",
    "{number}-{label}",
)
_OF_CAMERAS = set(
    "img imag dsc dscn dscf pxl mvi gopr p photo pic picture image frame scan screenshot screen shot snapshot whatsapp isic file "
    "page sample untitled copy patient person user subject case id no nr video clip scene view cam camera tile patch slice roi "
    "crop".split()
)
"""What cameras, programs and clinics begin names with."""
_FEWEST_OF_CLASS = 3
_MATCHING = 0.95


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression of a form of names, such as `{label}_{number}`, which fits whole names without their suffix.

    `{label}` is as short as it can be, `{number}` are digits, and `{any}` is anything or nothing. With a slash in it, a form is
    that of the name with as many folders before it.
    """
    parts = re.split(r"\{(\w+)\}", pattern)
    expression = "".join(_FIELDS[part] if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(expression, re.DOTALL)


def read_labels(pattern: str, paths: Iterable[str]) -> list[str | None]:
    """Return the label in the name of each path, or None where the form does not fit."""
    compiled = compile_pattern(pattern)
    folders = pattern.count("/")
    labels: list[str | None] = []
    for path in paths:
        whole = path[: path.rfind(".")] if "." in path.rpartition("/")[2] else path
        match = compiled.fullmatch("/".join(whole.split("/")[-folders - 1 :]))
        labels.append(match["label"].strip() or None if match else None)
    return labels


def find_pattern(paths: Sequence[str]) -> str | None:
    """Return the usual form of names that nearly all paths have, if it parts them into what can be classes.

    Such have letters, are at least two, each with three images or more, and none is what cameras begin names with (`IMG_1`).
    """
    return next((pattern for pattern in USUAL_PATTERNS if _parts_into_classes(read_labels(pattern, paths))), None)


def _parts_into_classes(labels: Sequence[str | None]) -> bool:
    counts = Counter(label for label in labels if label is not None)
    matching = sum(counts.values()) >= _MATCHING * len(labels)
    large = len(counts) > 1 and min(counts.values()) >= _FEWEST_OF_CLASS
    return matching and large and all(map(_can_be_class, counts))


def _can_be_class(label: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_]+", label.lower()) if len(word) > 1 or not word.isascii()]
    return bool(words) and words[0] not in _OF_CAMERAS and not is_data_name(label)
