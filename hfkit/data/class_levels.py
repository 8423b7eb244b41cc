"""Which of several levels of folders has the classes: `original/cat` and `augmented/cat` are not classes of their own."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES
from .class_folders import is_data_name

_FEWEST = 2
_SHOWN = 4
_MOSTLY = 0.75
"""Folders are the same in each of others where so many of those that there could be are there."""
_MASK = re.compile(r"(?P<of>.+?)[ _.-]*(mask|masks|segmentation|seg|trimap|groundtruth|gt)[ _.-]?\d*", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<word>[^\W\d]+?)[ _.-]*\d+")
_CLASSES = set("c cl cls class classes category cat label lbl grade level stage type kind species y".split())
"""What numbered classes are called, and not the subjects or sessions of one."""


def check_levels(folder: Path, files: Mapping[Path, Sequence[Path]]) -> None:
    """Refuse folders that mostly have the same folders in them, where either level may be that of the classes.

    Folders that are numbered alike (`cat/subject1`, `dog/subject2`) are groups of the images or texts of a class.

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
    if is_flat or len(used) < _FEWEST or not _are_mostly_the_same(inner):
        return None
    names, others = sorted(set().union(*inner)), [place.name for place in used]
    if all(map(is_data_name, names)) or (_are_numbered(names) and not _are_numbered(others)):
        return None
    has_all = "the same folders" if all(each == inner[0] for each in inner) else "mostly the same folders"
    example = next(path for paths in used.values() for path in paths).relative_to(folder)
    return (
        f"{folder} has {has_all}, {_join(names)}, in each of {_join(others)}, and which of them are the classes is not clear: to "
        f"train on {_join(names)}, {_say_inner(folder, others[0], example)}; to train on {_join(others)}, "
        f"{_say_outer(example)}."
    )


def _are_mostly_the_same(inner: Sequence[set[str]]) -> bool:
    """Tell whether two or more folders stand in several others, and hardly any of those that could be there is missing."""
    counts = Counter(name for names in inner for name in names)
    shared = sum(count > 1 for count in counts.values())
    return shared >= _FEWEST and counts.total() >= _MOSTLY * len(counts) * len(inner)


def _are_numbered(names: Collection[str]) -> bool:
    """Tell whether names are the same word with numbers, and not one for classes (`subject1`, `subject2`)."""
    words = {match["word"].lower() if (match := _NUMBERED.fullmatch(name)) else "" for name in names}
    return len(words) == 1 and words.isdisjoint({"", *_CLASSES})


def _say_inner(folder: Path, first: str, example: Path) -> str:
    """Return what to do where the inner folders are the classes."""
    one = f"name one of the others, such as --dataset {folder / first}"
    return (
        f"write {_flag(example, 1)}, or {one}"
        if _is_image(example)
        else f"{one}, or put the files of each class into one folder"
    )


def _say_outer(example: Path) -> str:
    """Return what to do where the outer folders are the classes."""
    return f"write {_flag(example, 0)}" if _is_image(example) else "leave no folders inside of them"


def _flag(example: Path, level: int) -> str:
    """Return the flag by which the folder at a level of the path of an image is its label."""
    form = "/".join("{label}" if place == level else "{any}" for place in range(len(example.parts)))
    return f'--label_from_name "{form}"'


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def find_masks(paths: Sequence[Path]) -> list[Path]:
    """Return the images that are masks of others beside them by their names, as `1_mask.png` is of `1.jpg`."""
    stems = {(path.parent, path.stem.lower()) for path in paths}
    named = ((path, _MASK.fullmatch(path.stem)) for path in paths)
    return [path for path, match in named if match and (path.parent, match["of"].lower()) in stems]


def _join(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")
