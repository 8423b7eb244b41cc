"""A saved hfkit model as the backbone of a new run: its weights, the rows of its head by class name, and its settings."""

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig

from ..errors import UserError, first_sentence
from ..flags.arguments import TextModelArguments
from ..flags.configuration import CONFIGURATION_FILE
from ..flags.kinds import Arguments
from ..flags.paths import describe_unfinished_run
from ..models import FAMILIES
from ..models.base import BackboneClassifier
from ..models.checked_loading import check_files, check_weights
from ..notes import Note
from ..offline import use_cache_without_hub

CONTINUES_FROM = "Continues from"
"""How a note begins that names a saved model."""
TEXTS, IMAGES = "text-classification", "image-classification"
_TAKEN_FROM_MODEL = (
    "head",
    "layers",
    "head_hidden_size",
    "head_layers",
    "head_activation",
    "head_dropout",
    "pooling",
    "ngrams",
)
_TAKEN_FROM_DATA = ("cleaning", "max_length", "long_texts", "image_size")


def read_saved_config(backbone: str, task: str, revision: str | None = None) -> PreTrainedConfig | None:
    """Read the configuration of a saved hfkit model; None where `backbone` is none, or nothing at all.

    Args:
        backbone: A folder, a Hub id, or the name of a backbone.
        task: `text-classification` or `image-classification`.
        revision: Branch, tag or commit of a Hub id.

    Raises:
        UserError: It is a saved model of the other task, or a run that did not finish.

    """
    folder = Path(backbone).expanduser()
    if "/" not in backbone and not folder.is_dir():
        return None
    if (folder / CONFIGURATION_FILE).is_file() and not (folder / "config.json").is_file():
        raise UserError(describe_unfinished_run(backbone))
    source = str(folder) if folder.is_dir() else backbone
    if not folder.is_dir():
        use_cache_without_hub()
    try:
        options = check_files(source, revision=revision or "main")
    except (OSError, ValueError):  # whoever loads it says what is wrong
        return None
    family = FAMILIES.get(str(options.get("model_type")))
    if family is None:
        return None
    if family.task != task:
        other, own = ("images", "texts") if task == TEXTS else ("texts", "images")
        raise UserError(
            f"{backbone} is a classifier of {other}: choose a backbone for {own}, or the recipe for {other}."
        )
    try:
        return family.config_class.from_dict(options)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"The config.json of {backbone} cannot be read ({first_sentence(error)}).") from error


def load_saved_model(backbone: str, task: str, revision: str | None = None) -> BackboneClassifier | None:
    """Load a saved hfkit model in float32, strictly; None where `backbone` is none.

    Raises:
        UserError: As `read_saved_config`.
        ValueError: Its weights are not those of its configuration.

    """
    config = read_saved_config(backbone, task, revision)
    if config is None:
        return None
    model_class = FAMILIES[config.model_type].model_class
    source = str(Path(backbone).expanduser()) if Path(backbone).expanduser().is_dir() else backbone
    model, loading = model_class.from_pretrained(
        source, revision=revision or "main", dtype=torch.float32, output_loading_info=True
    )
    check_weights(loading)
    return model


def take_from_saved_model(arguments: Arguments[Any, Any]) -> Arguments[Any, Any]:
    """Let what was not given be as in the saved model that a run continues from; other backbones change nothing.

    Raises:
        UserError: As `read_saved_config`, or a given flag does not go with the saved head.

    """
    is_text = isinstance(arguments.model, TextModelArguments)
    revision = getattr(arguments.model, "backbone_revision", None)
    config = read_saved_config(str(arguments.model.backbone), TEXTS if is_text else IMAGES, revision)
    if config is None:
        return arguments
    open_flags = {*_TAKEN_FROM_MODEL, *_TAKEN_FROM_DATA} - arguments.given - set(arguments.filled_in)
    values = {flag: getattr(config, flag, None) for flag in open_flags}
    if "ngrams" in values and getattr(config, "ngram_count", None):
        values["ngrams"] = [str(tokens) for tokens in range(1, config.ngram_max + 1)]
    if values.get("cleaning") == []:
        values["cleaning"] = ["none"]
    head = values.get("head") or arguments.model.head
    if "layers" in values:
        values["layers"] = _read_layers(config) if head == "layers" else None
    if head != "linear":
        values.pop("pooling", None)
    model = _known_values(arguments.model, _TAKEN_FROM_MODEL, values)
    data = _known_values(arguments.data, _TAKEN_FROM_DATA, values)
    return replace(
        arguments,
        model=replace(arguments.model, **model),
        data=replace(arguments.data, **data),
        flags={name: value for name, value in arguments.flags.items() if name not in {*model, *data}},
        filled_in={**arguments.filled_in, **model, **data},
    )


def _read_layers(config: Any) -> list[str] | None:
    """Return the layers that the head of a saved model reads, as `--layers` names them; None of another head."""
    if config.head != "layers":
        return None
    return [str(layer) for layer in (config.layer_names if hasattr(config, "layer_names") else config.layers)]


def _known_values(flags: Any, names: Iterable[str], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a saved model has for flags of this modality; a pooling of images is no flag."""
    known = {item.name for item in fields(flags)}
    return {name: values[name] for name in names if name in known and values.get(name) is not None}


def filled_in_flags(arguments: Arguments[Any, Any]) -> dict[str, Any]:
    """Return the flags of model and data that were taken from a saved model, in this run or in the one that it repeats."""
    names = {*_TAKEN_FROM_MODEL, *_TAKEN_FROM_DATA, "augment"}
    return {name: value for name, value in arguments.filled_in.items() if name in names}


def continue_from(new: BackboneClassifier, saved: BackboneClassifier, name: str, fields: Iterable[str]) -> Note:
    """Copy a saved model's backbone, and of its head the rows of the classes that both have; say what was kept.

    Args:
        new: The model of the new run, with a head of random weights.
        saved: What it continues from.
        name: What the saved model is called.
        fields: Fields of both configs in which they must agree for the head to be kept.

    """
    new.copy_backbone(saved)
    differing = [field for field in fields if getattr(new.config, field) != getattr(saved.config, field)]
    if differing:
        values = {field: (getattr(new.config, field), getattr(saved.config, field)) for field in differing}
        # A field that one of the two heads does not have follows from another, which is told.
        told = {field: pair for field, pair in values.items() if None not in pair} or values
        changes = ", ".join(f"{field} is {_show(now)} and was {_show(before)}" for field, (now, before) in told.items())
        text = f"{CONTINUES_FROM} {name}, with a head that starts from scratch: {changes}."
        return Note("continued", text + _left_threshold(saved))
    kept = _keep_head(new, saved)
    mine, theirs = _classes(new), _classes(saved)
    parts = [
        f"head rows of {', '.join(kept)} kept" if kept else "no head row kept",
        *_listing("new", [label for label in mine if label not in kept]),
        *_listing("dropped", [label for label in theirs if label not in kept]),
    ]
    return Note("continued", f"{CONTINUES_FROM} {name}: {'; '.join(parts)}.{_left_threshold(saved)}")


def _left_threshold(saved: BackboneClassifier) -> str:
    """Say that what was certified or chosen for the saved model's scores is left behind."""
    config = saved.config
    left = (
        " The confidence below which it did not answer is left behind." if config.answer_threshold is not None else ""
    )
    if config.label_thresholds is not None:
        left += " Its thresholds of labels are left behind: --label_thresholds sets others."
    return left


def _listing(what: str, labels: list[str]) -> list[str]:
    return [f"{what}: {', '.join(labels)}"] if labels else []


def _show(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)


def _classes(model: BackboneClassifier) -> list[str]:
    """Return the names of the classes in the order of the logits."""
    return [str(model.config.id2label[index]) for index in range(model.config.num_labels)]


@torch.no_grad()
def _keep_head(new: BackboneClassifier, saved: BackboneClassifier) -> list[str]:
    """Copy the hidden layers of the head, and in its last layers the rows of common classes; return these classes.

    One sigmoid logit z stands for the rows [0, z]; it is kept where both of its classes are.
    """
    mine, theirs = _classes(new), _classes(saved)
    common = [label for label in mine if label in theirs]
    if len(_last_layers(new)[0].bias) == 1 and len(common) < 2:
        common = []
    last = {id(layer) for layer in _last_layers(new)}
    for own, given in zip(new.classifier.modules(), saved.classifier.modules(), strict=True):
        for buffer, value in zip(own.buffers(recurse=False), given.buffers(recurse=False), strict=True):
            buffer.copy_(value)
        if id(own) not in last:
            for parameter, value in zip(own.parameters(recurse=False), given.parameters(recurse=False), strict=True):
                parameter.copy_(value)
            continue
        for parameter, value in ((own.weight, given.weight), (own.bias, given.bias)):
            rows, old_rows = _rows(parameter), _rows(value)
            for label in common:
                rows[mine.index(label)] = old_rows[theirs.index(label)]
            parameter.copy_(rows if len(parameter) == len(rows) else rows[1:] - rows[:1])
    return common


def _rows(parameter: torch.Tensor) -> torch.Tensor:
    """Return a copy of the rows of a last layer, one a class; in front of a single one stands one of zeros."""
    rows = parameter.detach().clone()
    return torch.cat([torch.zeros_like(rows), rows]) if len(rows) == 1 else rows


def _last_layers(model: BackboneClassifier) -> list[nn.Linear]:
    """Return the layers that give the logits: the last one of the head, or of each of its two heads."""
    head = model.classifier
    heads = list(head.values()) if isinstance(head, nn.ModuleDict) else [head]
    return [[module for module in part.modules() if isinstance(module, nn.Linear)][-1] for part in heads]
