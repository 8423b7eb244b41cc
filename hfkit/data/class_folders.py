"""Folders of images that are no classes or are not used: what is named like the splits or the parts of a dataset."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from ..errors import UserError
from ..flags.paths import IMAGE_SUFFIXES
from ..notes import Note
from .split_names import SPLIT_NAMES, split_named

_SPLIT_OF_WORD = {word: split for split, words in SPLIT_NAMES.items() for word in words} | {"tr": "train", "ts": "test"}
_IMAGE_WORDS = set("image images img imgs jpg jpeg jpegs png pngs photo photos picture pictures pic pics".split())
_PART_WORDS = set("part parts fold folds batch batches shard shards chunk chunks split splits".split())
_OTHER_WORDS = set(
    "set sets data dataset folder folders file files label labels sample samples extra unlabeled unlabelled input inputs".split()
)
_VERSION_WORDS = set("original originals raw resized cropped augmented augmentation processed preprocessed".split())
_MASK_WORDS = set("mask masks trimap trimaps annotation annotations segmentation segmentations groundtruth gt".split())
"""Words that are in names of folders of data; by themselves they may as well be classes (`mask` and `no_mask`)."""
_WORDS = {*_SPLIT_OF_WORD, *_IMAGE_WORDS, *_PART_WORDS, *_OTHER_WORDS, *_VERSION_WORDS, *_MASK_WORDS}
_SHOWN = 6
FORMS_OF_LABELS = (
    "put the images of each class into a folder of its name, train/CLASS/* (and test/CLASS/*) or CLASS/*; or write a table "
    "labels.csv with the columns file_name,label beside them; or, where the names of the files have the label, add "
    '--label_from_name "{label}_{number}"'
)
"""What to write where images have no labels that are understood."""


class NoClassesError(UserError):
    """A folder has images, and no folders of classes: something else may say their labels."""


FORMS_OF_TEXTS = (
    "put the texts of each class into a folder of its name, train/CLASS/* (and test/CLASS/*) or CLASS/*; or write a table with "
    "the columns text,label"
)
"""The same for texts."""


def check_class_folders(folder: Path, names: Sequence[str], what: str = "texts", forms: str = FORMS_OF_TEXTS) -> None:
    """Refuse folders with texts or images in `folder` that are named like the splits or parts of a dataset.

    Args:
        folder: Where the folders are.
        names: What they are called.
        what: What is in them, for the message.
        forms: What to write instead.

    Raises:
        NoClassesError: They are, and a model would learn to tell the parts apart.

    """
    looks = (_name_several_splits, _name_data_alone, _differ_by_number, _name_a_split_in_words)
    if not any(look(names) for look in looks):
        return
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    where = "the folder" if len(names) == 1 else "the folders"
    has_masks = what == "images" and any(map(is_mask_name, names))
    masks = " (masks are for segmentation, which is another task)" if has_masks else ""
    raise NoClassesError(
        f"{folder} has {what} in {where} {shown}, named like splits or parts of a dataset and not like classes{masks}: {forms}."
    )


def check_inside_of_class(folder: Path, files: Sequence[Path]) -> None:
    """Refuse images of a class that lie in folders named like splits, such as `dog/train` and `dog/test`.

    Args:
        folder: Folder of the class.
        files: Its images, at any depth.

    Raises:
        UserError: There are such folders, and all splits would be one.

    """
    own = {*_words(folder.name)}
    names = dict.fromkeys(part for path in files for part in path.relative_to(folder).parts[:-1])
    named = [name for name in names if _is_split_but_for(name, own)]
    if named:
        what = "a folder" if len(named) == 1 else "folders"
        raise UserError(
            f"The class folder {folder} has images in {what} {', '.join(named[:_SHOWN])}, named like splits, which are looked "
            "for around the classes and not inside of them: write train/CLASS/* and test/CLASS/*, or give folders that are no "
            "splits another name."
        )


def note_folders_passed_over(folder: Path, used: Collection[Path]) -> list[Note]:
    """Name the folders beside those of the splits, which are not used.

    Args:
        folder: Where the folders of the splits are.
        used: These folders.

    Raises:
        UserError: One of the others has folders of classes and a name with a split in it (`test2`): it is probably meant.

    """
    folders = [path for path in subfolders(folder) if path not in used and list_files(path)]
    others = [path for path in folders if has_images(path)]
    for path in others:
        split = split_in_name(path.name)
        classes = [place.name for place in subfolders(path) if has_images(place) and not is_data_name(place.name)]
        if split is not None and classes:
            shown = ", ".join(classes[:_SHOWN]) + (", ..." if len(classes) > _SHOWN else "")
            raise UserError(
                f"{folder} has a folder {path.name} with classes ({shown}), named like {split} but not as a split is: put its "
                f"images into {split}/CLASS/*, or move it elsewhere if it shall not be used."
            )
    without = [path for path in folders if path not in others]
    text = f"Folders with images beside the splits are not used: {_list(others)} (a split's is called train, validation or test)."
    notes = [Note("folders_passed_over", text, on_card=False)] if others else []
    text = f"Folders beside the splits that have no images are not used: {_list(without)}."
    return [*notes, Note("folders_passed_over", text, on_card=False)] if without else notes


def _list(folders: Sequence[Path]) -> str:
    return ", ".join(path.name for path in folders[:_SHOWN]) + (", ..." if len(folders) > _SHOWN else "")


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in `folder` that are not hidden, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path, folder))


def is_hidden(path: Path, folder: Path) -> bool:
    """Tell whether a file or folder, or one between it and `folder`, is hidden."""
    return any(map(is_hidden_name, path.relative_to(folder).parts))


def is_hidden_name(name: str) -> bool:
    """Tell whether a file or folder of this name is hidden, or left by a Mac."""
    return name.startswith((".", "__MACOSX"))


def list_files(folder: Path) -> list[Path]:
    """Return what lies in a folder and below it and is not hidden, by name: files, and links to folders, which nobody follows.

    A link to a folder may lead back to one around it, or into another class.
    """
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path for path in paths if not is_hidden(path, folder))


def has_images(folder: Path) -> bool:
    """Tell whether there are images in a folder or below it."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return any(path.is_file() and not is_hidden(path, folder) for path in files)


def splits_in(name: str) -> list[str]:
    """Return the splits that a name tells also in other words than a split's name has (`test2`, `valset`), in their order."""
    split = split_named(name)
    words = [split] if split else [_SPLIT_OF_WORD[word] for word in _words(name) if word in _SPLIT_OF_WORD]
    return list(dict.fromkeys(words))


def split_in_name(name: str) -> str | None:
    """Return the first split that a name tells, also in other words than a split's name has, or None."""
    return next(iter(splits_in(name)), None)


def is_mask_name(name: str) -> bool:
    """Tell whether a folder is named like one of masks or annotations, and not like a class (`masks`, but not `no_mask`)."""
    words = _words(name)
    return not _MASK_WORDS.isdisjoint(words) and all(word in _WORDS for word in words)


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder is for by its name, also by words put together (`testSet`, `trainimages`)."""
    words = _words(name)
    splits = {_SPLIT_OF_WORD[word] for word in words if word in _SPLIT_OF_WORD}
    glued = len(splits) == 1 and is_data_name(name) and re.search(r"\d", name) is None
    return split_named(name) or (splits.pop() if glued else None)


def _is_split_but_for(name: str, own: set[str]) -> bool:
    """Tell whether a name says a split and nothing else, but for the words of the class."""
    words = [word for word in _words(name) if word not in own]
    return all(word in _WORDS for word in words) and any(word in _SPLIT_OF_WORD for word in words)


def _name_several_splits(names: Sequence[str]) -> bool:
    """Tell whether all names hold a split's, and not the same (`pets_train`, `pets_test`), or two are hardly more than that."""
    splits = {name: {_SPLIT_OF_WORD[word] for word in _words(name) if word in _SPLIT_OF_WORD} for name in names}
    plain = {split for name in names if is_data_name(name) for split in splits[name]}
    return len(plain) > 1 or (all(splits.values()) and len(set().union(*splits.values())) > 1)


def _name_a_split_in_words(names: Sequence[str]) -> bool:
    """Tell whether one of several names is that of a split in words for data (`test_set_images` beside `cat` and `dog`)."""
    words = [_words(name) for name in names if is_data_name(name)]
    return any(len(each) > 2 and not _SPLIT_OF_WORD.keys().isdisjoint(each) for each in words)


def _name_data_alone(names: Sequence[str]) -> bool:
    """Tell whether all names are made of words for data, and one is of splits, images or numbered parts (`images`, `masks`)."""
    of_versions = [name for name in names if not _VERSION_WORDS.isdisjoint(_words(name))]
    return all(map(is_data_name, names)) and (
        any(map(_is_surely_data, names)) or (len(names) > 1 and bool(of_versions))
    )


def _differ_by_number(names: Sequence[str]) -> bool:
    """Tell whether names of images or parts are the same but for a number (`HAM10000_images_part_1` and `..._part_2`)."""
    stems = {re.sub(r"\d+", "", name).lower() for name in names}
    if len(names) > 1 and all(re.fullmatch(r"\d+ ?[xX] ?\d+", name) for name in names):
        return True  # sizes of the same images
    return len(names) > 1 and len(stems) == 1 and not {*_words(names[0])}.isdisjoint(_IMAGE_WORDS | _PART_WORDS)


def is_data_name(name: str) -> bool:
    """Tell whether a name has words for data only, besides numbers and single letters."""
    words = _words(name)
    return bool(words) and all(word in _WORDS for word in words)


def _is_surely_data(name: str) -> bool:
    """Tell whether a name has a word for a split or images, or a part with its number or letter."""
    words = {*_words(name)}
    numbered = re.search(r"\d|(?<![^\W_])[a-zA-Z](?![^\W_])", name) is not None
    return not words.isdisjoint({*_SPLIT_OF_WORD, *_IMAGE_WORDS}) or (numbered and not words.isdisjoint(_PART_WORDS))


def _words(name: str) -> list[str]:
    """Return the words of a name, `train` and `images` for `trainImages1` as for `train_images` or `trainimages`."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", parted) if len(word) > 1 or not word.isascii()]
    return [part for word in words for part in _parts(word)]


def _parts(word: str) -> list[str]:
    """Return the two words for data that a word is put together of, or itself (`testset` is `test` and `set`)."""
    ends = (end for end in range(2, len(word) - 1) if word[:end] in _WORDS and word[end:] in _WORDS)
    end = None if word in _WORDS else next(ends, None)
    return [word] if end is None else [word[:end], word[end:]]
