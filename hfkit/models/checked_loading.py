"""Loading what may come from a stranger: its configuration and the headers of its weights are looked at first."""

import json
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)
from transformers import PreTrainedModel
from transformers.utils import (
    SAFE_WEIGHTS_INDEX_NAME,
    SAFE_WEIGHTS_NAME,
    WEIGHTS_INDEX_NAME,
    WEIGHTS_NAME,
    cached_file,
    find_adapter_config_file,
    logging,
)
from transformers.utils.hub import get_checkpoint_shard_files

from .config_checks import pin_revision, read_config, read_json
from .reader_checks import check_reader_files
from .refusing import refusing

_PLACES = ("revision", "token", "cache_dir", "local_files_only", "subfolder")
_LARGEST_HEADER = 25_000_000
"""Bytes; that of a file with a million tensors is larger."""
_SPARE_TENSORS = 300
_SPARE_NUMBERS = 50_000_000
"""What a constructor may build and drop, besides twice what the weights have."""
_SPARE_BUFFERED = 200_000_000
"""Numbers of the tables that a net computes for itself, such as masks and positions, besides as many as its weights have."""
_MOST_WITHOUT_HEADERS = 100_000
_MOST_TENSORS = 50_000
"""Of a net, whatever its weights have: a file can list empty ones without end."""
_MOST_NUMBERS_WITHOUT_WEIGHTS = 2_000_000_000
"""Of an empty net, which no weights fill: 8 GB."""

Shapes = dict[str, list[int]]


class WeightsError(ValueError):
    """The weights are not those of the configuration."""


class CheckedModel(PreTrainedModel):
    """A model whose files are looked at before it is built, and that has all of its weights or is none."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *model_args: Any, **options: Any) -> Any:
        """Load a saved model as `PreTrainedModel.from_pretrained` does.

        Raises:
            ValueError: Its configuration hands something to a loader or has sizes that its weights do not have, its weights
                lack a tensor or have an unknown one, or it is an adapter of another model.

        """
        source = pretrained_model_name_or_path
        if source is None:
            return super().from_pretrained(source, *model_args, **options)
        wants_info = options.pop("output_loading_info", False)
        options["use_safetensors"] = True
        place = {name: options[name] for name in _PLACES if options.get(name) is not None}
        options["revision"] = place["revision"] = pin_revision(str(source), **place)
        with checked_loading(str(source), **place), quietly():
            model, loading = super().from_pretrained(source, *model_args, output_loading_info=True, **options)
        if wants_info:
            return model, loading
        if not options.get("ignore_mismatched_sizes"):  # a caller who says so knows that some are not filled
            check_weights(loading)
        return model


def check_weights(loading: Mapping[str, Any]) -> None:
    """Refuse weights that lack a tensor or have one too many.

    Args:
        loading: What `from_pretrained(..., output_loading_info=True)` tells.

    Raises:
        WeightsError: As above.

    """
    problems = [f"{name} is missing" for name in sorted(loading["missing_keys"])]
    problems += [f"{name} is unknown" for name in sorted(loading["unexpected_keys"])]
    problems += [f"{name} has another shape" for name in sorted(map(str, loading["mismatched_keys"]))]
    if problems:
        more = f" and {len(problems) - 5:,} more" if len(problems) > 5 else ""
        raise WeightsError(f"its weights are not those of its config.json: {'; '.join(problems[:5])}{more}")


@contextmanager
def quietly() -> Iterator[None]:
    """Leave out transformers' table of tensors that do not fit, which has a stranger's names; our own errors tell them."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


@contextmanager
def checked_loading(source: str, **place: Any) -> Iterator[dict[str, Any]]:
    """Look at the files of a checkpoint, yield its configuration, and let no more be built inside than its weights fill.

    Args:
        source: A folder or a Hub id.
        place: Where on the Hub: `revision`, `token`, `cache_dir`, `local_files_only`, `subfolder`.

    Raises:
        OSError: A file is not there.
        ValueError: The configuration hands something to a loader, what is built has other sizes than the weights, or no net
            can be built.

    """
    with refusing("its config.json and weights make no net"):
        options = check_files(source, **place)
        shapes = read_shapes(find_weights(source, **place))
        _check_labels(options, shapes)
        with _at_most(shapes, _count_numbers(shapes) if shapes else _measure_pickles(source, **place)):
            yield options


def check_files(source: str, **place: Any) -> dict[str, Any]:
    """Return the configuration of a checkpoint, without what may not be followed, see `read_config`.

    Raises:
        OSError: It is not there.
        ValueError: As there, or it is an adapter, which names another model.

    """
    with refusing("its files cannot be read"):
        options = read_config(source, **place)
        adapter = find_adapter_config_file(source, **place)
        if adapter is not None:
            base = str(read_json(Path(adapter)).get("base_model_name_or_path"))[:80]
            raise ValueError(f"{source} has adapter_config.json, by which another model, {base!r}, would be loaded")
        check_reader_files(source, options, **place)
        return options


def find_weights(source: str, **place: Any) -> list[Path]:
    """Return the .safetensors files of a checkpoint, fetched where it is a Hub id; none where it has others alone.

    Raises:
        ValueError: Its index names files elsewhere.

    """
    options = {**place, "_raise_exceptions_for_missing_entries": False}
    file = cached_file(source, SAFE_WEIGHTS_NAME, **options)
    if file is not None:
        return [Path(file)]
    index = cached_file(source, SAFE_WEIGHTS_INDEX_NAME, **options)
    other = cached_file(source, WEIGHTS_INDEX_NAME, **options) if index is None else None
    for path in (index, other):
        names = read_json(Path(path)).get("weight_map") or {} if path is not None else {}
        if not isinstance(names, dict) or not all(name == Path(str(name)).name for name in names.values()):
            raise ValueError(f"{Path(str(path)).name} names files that are not beside it")
        if path == index and not all(str(name).endswith(".safetensors") for name in names.values()):
            raise ValueError(f"{Path(str(path)).name} names files that are no .safetensors: they are not read")
    if index is None:
        return []
    files, _ = get_checkpoint_shard_files(source, index, **place)
    return [Path(file) for file in files]


def _measure_pickles(source: str, **place: Any) -> int:
    """Return the bytes of the .bin files of a checkpoint without .safetensors: as many 16-bit numbers fill half of them."""
    options = {**place, "_raise_exceptions_for_missing_entries": False}
    file = cached_file(source, WEIGHTS_NAME, **options)
    index = cached_file(source, WEIGHTS_INDEX_NAME, **options) if file is None else None
    files = [file] if file is not None else []
    if index is not None:
        files, _ = get_checkpoint_shard_files(source, index, **place)
    return sum(Path(each).stat().st_size for each in files)


@contextmanager
def checked_building(source: str) -> Iterator[None]:
    """Let no larger net be built inside than the weights of a folder fill; without a folder with some, than 8 GB hold.

    Parameters on the meta device are counted, so the net has to be built there.

    Args:
        source: A folder or a Hub id, of which nothing is fetched.

    Raises:
        ValueError: The net is larger, or the weights have no header.

    """
    shapes = read_shapes(find_weights(source)) if Path(source).is_dir() else {}
    with _at_most(shapes, _count_numbers(shapes) if shapes else _MOST_NUMBERS_WITHOUT_WEIGHTS):
        yield


def _count_numbers(shapes: Shapes) -> int:
    return 2 * sum(map(math.prod, shapes.values()))


def read_shapes(files: list[Path]) -> Shapes:
    """Return the shape of each tensor by the headers of .safetensors files.

    Raises:
        ValueError: A header is none.

    """
    shapes: Shapes = {}
    for file in files:
        with file.open("rb") as content:
            size = int.from_bytes(content.read(8), "little")
            if size > _LARGEST_HEADER:
                raise ValueError(f"{file.name} is no .safetensors file: its header would have {size:,} bytes")
            text = content.read(size)
        try:
            header = dict(json.loads(text))
            header.pop("__metadata__", None)
            shapes |= {name: [int(side) for side in entry["shape"]] for name, entry in header.items()}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{file.name} is no .safetensors file: its header cannot be read") from error
    return shapes


def _check_labels(options: Mapping[str, Any], shapes: Shapes) -> None:
    """Refuse more labels than any tensor has rows; two can have one logit."""
    names = options.get("id2label")
    given = options.get("num_labels")
    count = max(len(names) if isinstance(names, dict) else 0, given if isinstance(given, int) else 0)
    most = max((max(shape, default=0) for shape in shapes.values() if math.prod(shape)), default=0 if shapes else count)
    if count > max(most, 2):
        raise WeightsError(
            f"config.json has {count:,} labels, and no tensor of the weights has more than {most:,} rows"
        )


@contextmanager
def _at_most(shapes: Shapes, most_numbers: int) -> Iterator[None]:
    """Stop the building of a net with more parameters than the weights fill, before it takes time and memory."""
    most = min(2 * len(shapes) + _SPARE_TENSORS, _MOST_TENSORS) if shapes else _MOST_WITHOUT_HEADERS
    most_numbers += _SPARE_NUMBERS
    most_buffered = sum(map(math.prod, shapes.values())) + _SPARE_BUFFERED
    thread, tensors, numbers, buffered = threading.get_ident(), 0, 0, 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal tensors, numbers
        if threading.get_ident() != thread or parameter is None or parameter.device.type != "meta":
            return
        tensors, numbers = tensors + 1, numbers + parameter.numel()
        if tensors > most or numbers > most_numbers:
            raise WeightsError(
                f"config.json describes a larger net than its weights fill: {len(shapes):,} tensors are there"
            )

    def count_buffer(module: nn.Module, name: str, buffer: torch.Tensor | None) -> None:
        nonlocal buffered
        if threading.get_ident() == thread and buffer is not None:
            buffered += buffer.numel()
            if buffered > most_buffered:
                raise WeightsError(
                    f"config.json describes tables of more than {most_buffered:,} numbers beside the weights"
                )

    handles = [
        register_module_parameter_registration_hook(count),
        register_module_buffer_registration_hook(count_buffer),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
