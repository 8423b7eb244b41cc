"""What a configuration from a stranger may say: nothing that a loader would follow, and no size without end."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import PreTrainedConfig
from transformers.utils import cached_file, extract_commit_hash

from .field_checks import check_class_names, check_fields
from .refusing import refusing
from .size_checks import POSITIONS, check_at_most, check_sizes

Config = TypeVar("Config", bound=PreTrainedConfig)

LARGEST_FILE = 5_000_000
"""Bytes of a configuration; a larger one is not read."""
_DEEPEST = 32
_LARGEST_NUMBER = 2**31 - 1
_MOST = 1_000_000
"""Of what is counted, such as layers and labels, by the names of `_COUNTS`."""
_COUNTS = re.compile(r"^n_(?!positions|ctx)|^num_|layer|depth|label")
_LAYERS = re.compile(r"(^|_)(n_layers?|num_layers|num_\w*layers|depth)$")
_MOST_LAYERS = 2_000
"""Layers can share their weights, and fill no more of these then."""
_LARGEST_IMAGE = 2048
"""Pixels of the height of an image."""
_LENGTHS = {
    **dict.fromkeys(("block_repeats", "inner_group_num"), 4),  # times as many layers as are counted
    "num_blocks": 64,
    "hash_code_len": 16,
    **dict.fromkeys(("max_length", "max_seq_len"), 2**17),
    "tpu_short_seq_length": 4096,
}
"""Largest values of what memory grows with at once, by their names; and of the numbers of positions."""
_MOST_POSITIONS = 2**22
_LONGEST_LIST = 10_000
"""Values of a list of sizes, and their sum where it is one of depths."""

_OF_A_LOADER = {
    *("backbone", "backbone_kwargs", "use_pretrained_backbone", "use_timm_backbone"),
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args"),
    *("base_model_name_or_path", "cache_dir", "checkpoint_path", "gguf_file", "hf_hub_id", "quantization_config"),
    *("configuration_files", "custom_load", "file", "url", "transformers_weights"),
}
"""Fields by which a loader would load something else, or in another way."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN_WORD = re.compile(r"\w+")
_OF_LABELS = ("id2label", "label2id", "task_specific_params")
"""Fields whose keys are the author's own words."""


class CheckedConfig(PreTrainedConfig):
    """A configuration that is looked at before it is made of what stands in a file, see `check_config`."""

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Make a configuration of its fields.

        Raises:
            ValueError: A field is one that `check_config` refuses, or has a value that it cannot have.

        """
        check_config(config_dict)
        check_class_names(config_dict)
        own = [each for each in cls.__mro__ if issubclass(each, CheckedConfig)]
        check_fields(own, config_dict)
        with refusing("config.json cannot be read"):
            return super().from_dict(config_dict, **kwargs)


def make_config(config_class: type[Config], options: dict[str, Any]) -> Config:
    """Make a configuration of transformers of its fields.

    Raises:
        ValueError: A field has a value that it cannot have.

    """
    with refusing("config.json cannot be read"):
        return config_class.from_dict(options)


def read_config(source: str, **place: Any) -> dict[str, Any]:
    """Read the `config.json` of a folder or a Hub id, and look whether a model may be built of it.

    Args:
        source: The folder or the Hub id.
        place: Where on the Hub: `revision`, `token`, `cache_dir`, `local_files_only`, `subfolder`.

    Raises:
        OSError: It is not there, or cannot be reached.
        ValueError: It is no JSON object, or says what `check_config` refuses.

    """
    file = cached_file(source, "config.json", **place)
    if file is None:
        raise OSError(f"{source} has no config.json")
    options = read_json(Path(file))
    check_config(options)
    check_words(options, "config.json")
    return options


def pin_revision(source: str, revision: str | None = None, **place: Any) -> str:
    """Return the commit that a revision of a Hub id is now, so that what was looked at is what is loaded.

    Args:
        source: A folder, of which the revision is returned as it is, or a Hub id.
        revision: Branch, tag or commit; default: main.
        place: As in `read_config`.

    Raises:
        OSError: There is no `config.json`, or it cannot be reached.

    """
    revision = revision or "main"
    if Path(source).is_dir():
        return revision
    return extract_commit_hash(cached_file(source, "config.json", revision=revision, **place), None) or revision


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object, of a size and a depth that a configuration has.

    Raises:
        ValueError: It is none.

    """
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise ValueError(f"{file.name} has {size / 1e6:,.0f} MB, and a configuration at most {LARGEST_FILE / 1e6:g}")
    return parse_json(file.read_text(encoding="utf-8"), file.name)


def parse_json(text: str, name: str) -> dict[str, Any]:
    """Parse a JSON object; see `read_json`.

    Args:
        text: The content of the file.
        name: Of the file, for the error.

    Raises:
        ValueError: It is none, or too deep.

    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"{name} is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"{name} is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{name} is no JSON object")
    for _ in _walk(content):  # looks at the depth
        pass
    return content


def check_config(options: Mapping[str, Any]) -> None:
    """Refuse a configuration by which a loader would fetch something else, and one of sizes that no net has.

    What `auto_map` and `impl` name is code, which runs only with `trust_remote_code=True`, and is not looked at here.

    Raises:
        ValueError: A field hands something to a loader, a number, a depth or the number of labels is too large, or what the
            model is called is no text.

    """
    check_sizes(options)
    for key, value in _walk(options):
        if isinstance(value, Mapping) and key not in _OF_LABELS:
            check_sizes(value)
        if key in _OF_A_LOADER and value:
            raise ValueError(f"config.json has {key}, which would load something else: it is not followed")
        if key.endswith(("attn_implementation", "experts_implementation")):
            _check_implementation(key, value)
        if key == "model_type" and not isinstance(value, str | None):
            raise ValueError(f"config.json has model_type {str(value)[:40]!r}, which is none that transformers knows")
        if key in ("dtype", "torch_dtype") and value is not None and not _is_dtype(value):
            raise ValueError(f"config.json has a {key} that is none of a net's weights")
        if isinstance(value, list | tuple):
            _check_list(key, value)
        for number in value if isinstance(value, list | tuple) else [value]:
            _check_number(key, number)


def _is_dtype(value: Any) -> bool:
    """Whether a value is, or names, a type of numbers that weights have; transformers would take any attribute of torch."""
    dtype = getattr(torch, value.removeprefix("torch."), None) if isinstance(value, str) else value
    return isinstance(dtype, torch.dtype) and dtype.is_floating_point


def check_words(options: Mapping[str, Any], name: str) -> None:
    """Refuse control characters in a configuration: transformers logs fields that it cannot set, and a terminal obeys them.

    Args:
        options: What stands in the file.
        name: Of the file, for the error.

    Raises:
        ValueError: A field or its text has one.

    """
    for field in _walk(options):
        for text in (each for part in field for each in (part if isinstance(part, list) else [part])):
            if isinstance(text, str) and _CONTROL.search(text):
                raise ValueError(f"{name} has a field with control characters: it is not read")


def _walk(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a configuration and of those in it, but those whose keys are the author's own words."""
    waiting: list[tuple[int, str, Any]] = [(0, "", options)]
    while waiting:
        depth, name, content = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError(f"a configuration is nested more than {_DEEPEST} deep")
        is_object = isinstance(content, Mapping)
        for key, value in content.items() if is_object else ((name, each) for each in content):
            if is_object or isinstance(value, Mapping):
                yield str(key), value
            if isinstance(value, Mapping | list | tuple) and key not in _OF_LABELS:
                waiting.append((depth + 1, str(key), value))


def _check_implementation(key: str, value: Any) -> None:
    """Refuse what is not the name of one of transformers' own; another one is code on the Hub."""
    for name in value.values() if isinstance(value, Mapping) else [value]:
        if name is not None and not (isinstance(name, str) and _PLAIN_WORD.fullmatch(name)):
            raise ValueError(f"config.json has {key} {str(name)[:80]!r}, which is code of others: it is not fetched")


def _check_list(key: str, values: Sequence[Any]) -> None:
    """Refuse a list of more sizes, or of depths that are more layers, than a net has."""
    if "label" in key:
        return
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    total = sum(numbers) if "depth" in key else 0
    if len(values) > _LONGEST_LIST or not total <= _LONGEST_LIST:
        more = max(len(values), total)
        raise ValueError(f"config.json has {key} of {str(more)[:20]} in all, and at most {_LONGEST_LIST:,} can be")


def _check_number(key: str, number: Any) -> None:
    """Refuse a number that is no size of a net."""
    if not isinstance(number, int | float) or isinstance(number, bool) or key == "model_max_length":
        return
    most = _LARGEST_NUMBER if isinstance(number, int) else float("inf")
    if key in _LENGTHS:
        most = _LENGTHS[key]
    elif _COUNTS.search(key):
        most = _MOST_LAYERS if _LAYERS.search(key) else _MOST
    elif key in ("image_size", "img_size"):
        most = _LARGEST_IMAGE
    elif POSITIONS.search(key):
        most = _MOST_POSITIONS
    if isinstance(number, int) and number < 0 and key.startswith("num_") and "label" not in key:
        raise ValueError(f"config.json has {key} {str(number)[:20]}, and so few cannot be")
    check_at_most(key, number, most)
