"""What the files of a tokenizer or an image processor from a stranger may say: no class but of their kind, and no other file."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import transformers
from transformers import PreTrainedTokenizerBase
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_IMAGE_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)
from transformers.utils import cached_file

from .config_checks import check_config, check_words, read_json
from .size_checks import list_numbers
from .tokenizer_checks import SPECIAL_TOKENS, check_rules_of, check_special_tokens

LARGEST_VOCABULARY = 200_000_000
"""Bytes of a file of a tokenizer."""
_QUIETLY = dict.fromkeys(
    (
        "_raise_exceptions_for_missing_entries",
        "_raise_exceptions_for_connection_errors",
        "_raise_exceptions_for_gated_repo",
    ),
    False,
)
"""A file that cannot be had is not read later, either."""
_OF_TOKENIZERS = "tokenizer_config.json"
_FILES = (_OF_TOKENIZERS, "preprocessor_config.json", "processor_config.json")
_VOCABULARIES = (".json", ".txt", ".model")
_MOST_EXTRA = 10_000
_EXTRA_TOKENS = ("extra_ids", "offset", "num_madeup_words")
"""Fields by which T5, Pegasus and XGLM make so many tokens of their own."""
_RUNS_MORE = ("tesseract_config", "ocr_lang", "is_vqa")
"""Fields by which an image processor gives a program arguments, or writes a question into the image in a font that it fetches."""
_OF_A_READER = ("vocab", "merges", "repo_path", "class_info_file")
"""Fields in which transformers takes a text for the name of a file or a repository."""
_LARGEST_SIDE = 4096
"""Pixels that an image is scaled to, cut at, or filled up to a multiple of."""
_MOST_PIXELS = 2**24
_USUAL_SIDE = 512
"""At most, of what transformers takes where a file names none."""
_SIDES = ("size", "height", "width", "shortest_edge", "longest_edge")
_OF_SIZES = re.compile("size|crop|pad|divisor|patch|pinpoint|pixel|edge|height|width|multiple|tile")
_PLAIN_FILE = re.compile(r"[\w.-]+")
_NAMES_A_FILE = re.compile(r"_(file|filename|(?<!name_or_)path|dir|option)$")
"""How fields end whose text may be a file's name, or options with one; `name_or_path` tells an origin, and is not read."""
_LEFT_OUT = {"special_tokens_map_file", "tokenizer_file"}
"""Of those: transformers puts what it finds beside the file in their place; honest ones name files of their author's machine."""


def check_reader_files(source: str, config: dict[str, Any], **place: Any) -> None:
    """Look at what transformers chooses the tokenizer or the image processor of a folder or a Hub id by.

    Args:
        source: The folder or the Hub id.
        config: Its `config.json`.
        place: Where on the Hub: `revision`, `token`, `cache_dir`, `local_files_only`, `subfolder`.

    Raises:
        ValueError: A class is none of tokenizers or image processors, a field names a file or a repository, an image would be too
            large, a short text too long, or a file is.

    """
    _check_sizes(source)
    check_classes(config)
    names = {"tokenizer.json"}
    for name in _FILES:
        file = cached_file(source, name, **place, **_QUIETLY)
        if file is not None:
            options = read_json(Path(file))
            check_reader(options, name)
            names |= set(options.get("fast_tokenizer_files") or ())
            if name != _OF_TOKENIZERS:  # whose tokens can be control characters
                check_words(options, name)
    special = cached_file(source, SPECIAL_TOKENS, **place, **_QUIETLY)
    if special is not None:
        check_special_tokens(read_json(Path(special)))
    for name in names:
        rules = cached_file(source, name, **place, **_QUIETLY)
        if rules is not None:
            check_rules_of(Path(rules), Path(rules).stat().st_mtime_ns)


def check_reader(options: dict[str, Any], name: str) -> None:
    """Refuse the settings of a tokenizer or an image processor by which something else would be loaded, at any depth.

    Args:
        options: What stands in the file.
        name: Of the file, for the error.

    Raises:
        ValueError: As `check_reader_files`.

    """
    try:
        check_config(options)
    except ValueError as error:
        raise ValueError(str(error).replace("config.json", name, 1)) from error
    check_classes(options)
    for part in _parts(options):
        _check_files(part, name)
        _check_extras(part, name)
        if name != _OF_TOKENIZERS:
            _check_sides(part, name)
    if name != _OF_TOKENIZERS:
        _check_products(options, name)


def _check_files(options: Mapping[str, Any], name: str) -> None:
    """Refuse settings that name a file or a repository, but files beside them."""
    for field, value in options.items():
        names_a_file = field in _OF_A_READER or (_NAMES_A_FILE.search(str(field)) and field not in _LEFT_OUT)
        if names_a_file and value and isinstance(value, str):
            raise ValueError(f"{name} has {field}, which would read another file: it is not followed")
    if options.get("init_inputs"):
        raise ValueError(f"{name} has init_inputs, in which a file can be named: it is not followed")
    files = options.get("fast_tokenizer_files") or []
    for file in files if isinstance(files, list) else [""]:
        if not _PLAIN_FILE.fullmatch(str(file)):
            raise ValueError(f"{name} names a file that is not beside it")


def _check_extras(options: Mapping[str, Any], name: str) -> None:
    """Refuse settings by which a program is run, a font fetched, or tokens are made without an end."""
    for field in _RUNS_MORE:
        if options.get(field):
            raise ValueError(
                f"{name} has {field}, by which a program would be run or a font fetched: it is not followed"
            )
    for field in _EXTRA_TOKENS:
        for number in list_numbers(options.get(field)):
            if number > _MOST_EXTRA:
                raise ValueError(
                    f"{name} asks for {str(number)[:20]} tokens of its own, and at most {_MOST_EXTRA:,} can be"
                )


def check_classes(options: dict[str, Any]) -> None:
    """Refuse a configuration that names, at any depth, a class for its inputs that is no tokenizer or image processor.

    Raises:
        ValueError: It does.

    """
    for part in _parts(options):
        _check_tokenizer_class(part.get("tokenizer_class"))
        for field in ("image_processor_type", "feature_extractor_type"):
            given = str(part.get(field) or "")
            name = given.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
            # One that transformers does not know it refuses itself.
            if name not in _image_processors() and hasattr(transformers, name):
                raise ValueError(f"{given[:80]!r} is no image processor of a net that can classify: it is not loaded")


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield an object of JSON and all objects in it."""
    if isinstance(content, Mapping):
        yield content
        content = list(content.values())
    for each in content if isinstance(content, list) else ():
        yield from _parts(each)


@cache
def _image_processors() -> frozenset[str]:
    """Name the image processors of the types of nets that a model can be made of, of images or texts.

    Others cut and fill images as their settings say, without an end.
    """
    types = {
        *MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
        *MODEL_FOR_IMAGE_MAPPING_NAMES,
        *MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    }
    types |= {each.removesuffix("_vision_model") for each in types}
    kinds = (IMAGE_PROCESSOR_MAPPING_NAMES.get(each) or {} for each in types)
    return frozenset(name for kind in kinds for name in kind.values() if name)


def _check_tokenizer_class(name: Any) -> None:
    """Refuse the name of one of transformers' classes that is no tokenizer; an unknown one is refused by transformers."""
    if name is None:
        return
    words = {str(name), f"{name}Fast", str(name).removesuffix("Fast")}
    for word in (word for word in words if word.isidentifier()):
        found = getattr(transformers, word, None)
        if found is not None and not (isinstance(found, type) and issubclass(found, PreTrainedTokenizerBase)):
            raise ValueError(f"{str(name)[:80]!r} is the name of no tokenizer: it is not loaded")


def _check_sides(options: Mapping[str, Any], name: str) -> None:
    """Refuse sizes by which each image would be made larger than any net reads."""
    for field in ("size", "crop_size", "pad_size"):
        given = options.get(field)
        for value in given.values() if isinstance(given, Mapping) else [given]:
            numbers = value if isinstance(value, list) else [value]
            if not all(number is None or (_is_number(number) and number > 0) for number in numbers):
                raise ValueError(f"{name} has a {field} of {str(value)[:40]}, which is no number of pixels")
    for field, value in options.items():
        if _OF_SIZES.search(field):
            most = _MOST_PIXELS if field.endswith("pixels") else _LARGEST_SIDE
            for number in list_numbers(value):
                if not abs(number) <= most:
                    raise ValueError(f"{name} has a {field} of {str(number)[:40]}, and at most {most:,} can be")


def _check_products(options: Mapping[str, Any], name: str) -> None:
    """Refuse sizes that each could be, and that together make an image larger than any net reads."""
    found: dict[str, list[float]] = {}
    for part in _parts(options):
        for field, value in part.items():
            found.setdefault(field, []).extend(list_numbers(value))
    sides = [number for field in _SIDES for number in found.get(field, [])]
    side, part_of_it = max(sides, default=_USUAL_SIDE), min(found.get("crop_pct") or [1.0])
    patches = max(
        [number for field in ("max_num_patches", "max_patches") for number in found.get(field, [])], default=0
    )
    area = max(found.get("patch_size") or [side]) ** 2 * patches
    if not side <= _LARGEST_SIDE * part_of_it or area > _MOST_PIXELS * 8:
        raise ValueError(f"{name} has sizes that together make an image larger than {_LARGEST_SIDE:,} pixels a side")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_sizes(source: str) -> None:
    """Refuse a folder whose vocabulary is too large to be read."""
    folder = Path(source)
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.suffix in _VOCABULARIES and file.is_file() and file.stat().st_size > LARGEST_VOCABULARY:
            raise ValueError(f"{file.name} has {file.stat().st_size / 1e6:,.0f} MB and is not read")
