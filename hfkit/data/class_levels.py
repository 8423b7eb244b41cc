"""Which of several levels of folders has the classes: `original/cat` and `augmented/cat` are not classes of their own."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .class_folders import is_data_name

_FEWEST = 2
_SHOWN = 4
_MASK = re.compile(r"(?P<of>.+?)[ _.-]*(mask|masks|segmentation|seg|trimap|groundtruth|gt)[ _.-]?\d*", re.IGNORECASE)


def check_levels(folder: Path, files: Mapping[Path, Sequence[Path]]) -> None:
    """Refuse folders that all have the same folders in them: either level may be that of the classes.

    Args:
        folder: Around all.
        files: The images or texts of each outer folder, at any depth.

    Raises:
        UserError: As above.

    """
    text = describe_levels(folder, files)
    if text is not None:
        raise UserError(text)


def describe_levels(folder: Path, files: Mapping[Path, Sequence[Path]]) -> str | None:
    """Return what `check_levels` refuses, or None."""
    used = {place: paths for place, paths in files.items() if paths}
    inner = [{path.relative_to(place).parts[0] for path in paths} for place, paths in used.items()]
    is_flat = any(path.parent == place for place, paths in used.items() for path in paths)
    if is_flat or len(used) < _FEWEST or any(names != inner[0] for names in inner):
        return None
    if len(inner[0]) < _FEWEST or all(map(is_data_name, inner[0])):
        return None
    classes, others = _join(sorted(inner[0])), [place.name for place in used]
    return (
        f"{folder} has the same folders, {classes}, in each of {_join(others)}, and which of them are the classes is not clear: "
        f"to train on {classes}, name one of the others, such as --dataset {folder / others[0]}, or put the files of each class "
        f"into one folder; to train on {_join(others)}, leave no folders inside of them."
    )


def find_masks(paths: Sequence[Path]) -> list[Path]:
    """Return the images that are masks of others beside them by their names, as `1_mask.png` is of `1.jpg`."""
    stems = {(path.parent, path.stem.lower()) for path in paths}
    named = ((path, _MASK.fullmatch(path.stem)) for path in paths)
    return [path for path, match in named if match and (path.parent, match["of"].lower()) in stems]


def _join(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")
