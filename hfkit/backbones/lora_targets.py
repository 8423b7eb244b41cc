"""Which linear layers of a backbone LoRA adapts: those that peft names for its type, all in its blocks, or named ones."""

import difflib
import re
from collections.abc import Sequence

from torch import nn
from transformers.pytorch_utils import Conv1D

from ..errors import UserError
from ..models.base import BackboneClassifier

AUTO = ("auto",)
_LISTS = (nn.ModuleList, nn.Sequential)


def choose_targets(model: BackboneClassifier, targets: Sequence[str]) -> list[str]:
    """Name the linear layers that get adapters, in order of execution.

    Args:
        model: Without adapters so far.
        targets: `auto`, or names of linear layers and of modules that hold some, each a whole part of a dotted name: `query`
            means every layer of that name, `layer.1` not `layer.11`. A leading `backbone.` is accepted.

    Raises:
        UserError: The backbone has no such layers, or none that adapters can train.

    """
    layers, is_auto = linear_layers(model), tuple(targets) == AUTO
    problem = why_no_adapters(model) if is_auto or not layers else _why_left_at_random(model)
    if problem:
        last = [stage for stage in model.stages() if [*model.backbone.get_submodule(stage).parameters()]][-1]
        raise UserError(
            f"--peft lora: {problem}; write --unfreeze_from and a layer, such as {last}, in its place, or choose another "
            "--backbone."
        )
    if is_auto:
        return _chosen_by_peft(model, layers) or layers_in_blocks(model, layers)
    chosen: set[str] = set()
    for target in targets:
        matching = {name for name in layers if is_part(target.removeprefix("backbone."), name)}
        if not matching:
            raise UserError(_refuse_target(target, model, layers))
        chosen |= matching
    return [name for name in layers if name in chosen]


def why_no_adapters(model: BackboneClassifier) -> str:
    """Say why `auto` adapters cannot train a backbone, without a full stop; empty where they can."""
    there_are_none = not layers_in_blocks(model, linear_layers(model))
    problem = "the backbone has no linear layers in its blocks" if there_are_none else ""
    return _why_left_at_random(model) or problem


def _why_left_at_random(model: BackboneClassifier) -> str:
    """Say which part of a backbone has no pretrained weights, and would not train; empty where there is none."""
    if model.randomly_initialised:
        return f"{model.randomly_initialised} starts at random, and adapters would leave it so"
    parts = {part for key, _ in model.backbone.named_parameters() for part in key.split(".")}
    untrained = sorted(parts & set(model.training_parts))
    if untrained:
        return f"the {untrained[0]} that restores tokens starts at random (--reconstruction_weight 0 leaves it out)"
    return ""


def linear_layers(model: BackboneClassifier) -> list[str]:
    """Name the linear layers of a backbone that run and that the logits depend on, in order of execution.

    One whose weight is used without a call of the layer, such as EVA-02's `qkv` or the output of `nn.MultiheadAttention`, is
    none of them: an adapter beside it would never run.
    """
    order = model.execution_order()
    modules = dict(model.backbone.named_modules())
    running = [name for name in order.first_calls if isinstance(modules[name], nn.Linear | Conv1D)]
    return [name for name in running if f"{name}.weight" not in order.unused]


def uncalled_kinds(model: BackboneClassifier) -> list[str]:
    """Return the last names of linear layers in the blocks of a backbone that are never called, each once."""
    called = model.execution_order().first_calls
    modules = model.backbone.named_modules()
    uncalled = [name for name, module in modules if isinstance(module, nn.Linear | Conv1D) and name not in called]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in layers_in_blocks(model, uncalled)))


def layers_in_blocks(model: BackboneClassifier, layers: Sequence[str]) -> list[str]:
    """Return those of some layers that stand in the repeated blocks of a backbone: in items of its lists of modules."""
    stages = model.stages()
    blocks = [stage for stage in stages if isinstance(model.backbone.get_submodule(stage.rpartition(".")[0]), _LISTS)]
    return [name for name in layers if any(f"{name}.".startswith(f"{block}.") for block in blocks)]


def peft_names(model: BackboneClassifier) -> tuple[str, list[str] | str]:
    """Return the type of a backbone, and what peft adapts in it: ends of names, a regular expression, or nothing."""
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as MAPPING

    model_type = str(getattr(getattr(model.backbone, "config", None), "model_type", ""))
    return model_type, MAPPING.get(model_type, [])


def is_named_by_peft(name: str, names: Sequence[str] | str) -> bool:
    """Whether a layer is one of those that `peft_names` returned."""
    if isinstance(names, str):
        return re.fullmatch(names, name) is not None
    return any(f".{name}".endswith(f".{end}") for end in names)


def is_part(target: str, name: str) -> bool:
    """Whether the parts of a dotted name stand side by side in another: `layer.1` in `encoder.layer.1.output`."""
    return f".{target}." in f".{name}."


def _chosen_by_peft(model: BackboneClassifier, layers: Sequence[str]) -> list[str]:
    names = peft_names(model)[1]
    return [layer for layer in layers if is_named_by_peft(layer, names)]


def _refuse_target(target: str, model: BackboneClassifier, layers: Sequence[str]) -> str:
    """Say that no linear layer has a name, and which names are near."""
    modules = [name for name, _ in model.backbone.named_modules() if name]
    is_there = any(is_part(target.removeprefix("backbone."), name) for name in modules)
    problem = "no linear layer that runs stands there" if is_there else "the backbone has no linear layer of that name"
    candidates: dict[str, None] = {}
    for layer in layers:
        parts = layer.split(".")
        candidates |= dict.fromkeys(part for part in parts if not part.isdecimal())
        candidates |= dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts)))
    near = difflib.get_close_matches(target, candidates, n=3, cutoff=0.4)
    last = list(dict.fromkeys(layer.rpartition(".")[2] for layer in layers))
    return (
        f"--lora_targets {target}: {problem}; nearest: {', '.join(near) or 'none'}. Write auto, or names such as "
        f"{', '.join(last[:4])}."
    )
