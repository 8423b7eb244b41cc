"""Freezing: what of a model trains, and the callback that sees to it."""

import difflib
import hashlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .errors import UserError
from .flags.arguments import ModelArguments
from .models.base import BackboneClassifier


@dataclass(frozen=True)
class FreezePlan:
    """What of a backbone trains; the head always does.

    `unfreeze_from` is `none` (the head alone), `all`, or the dotted name of a backbone module, such as
    `encoder.layer.11`, from which on everything trains, in registration order. A leading `backbone.` is accepted.
    With `keep_batch_norm` the statistics of every BatchNorm stay as they are, also where its scale and shift train.
    """

    unfreeze_from: str = "all"
    keep_batch_norm: bool = False

    @classmethod
    def from_flags(cls, flags: ModelArguments) -> "FreezePlan":
        """Return what the flags of a model leave free."""
        return cls(flags.unfreeze_from, bool(getattr(flags, "keep_batch_norm", False)))

    def apply(self, model: BackboneClassifier) -> None:
        """Set `requires_grad` of every parameter of `model`, and its frozen modules to eval mode.

        Raises:
            UserError: The backbone has no module of that name.

        """
        trainable = self._trainable_names(model)
        for name, parameter in model.backbone.named_parameters():
            parameter.requires_grad = name in trainable
        model.classifier.requires_grad_(True)
        model.keep_batch_norm = self.keep_batch_norm
        model.train(model.training)

    def describe(self, model: BackboneClassifier) -> str:
        """Say in one line how many parameters of `model` train, and from where."""
        trainable, total = count_parameters(model)
        where = {"all": "everything, from the first layer on", "none": "the head alone, on a frozen backbone"}
        start = where.get(self.unfreeze_from, f"from {_relative(self.unfreeze_from)} on, and the head")
        line = f"{trainable:,} of {total:,} parameters train ({trainable / total:.2%}): {start}."
        new = model.new_stage
        if new and not any(parameter.requires_grad for parameter in model.backbone.get_submodule(new).parameters()):
            line += f" {new} starts at random and does not train: write --unfreeze_from {new}, or an earlier layer, to train it."
        norms = [module for module in model.backbone.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        trained = [norm for norm in norms if any(parameter.requires_grad for parameter in norm.parameters())]
        if not trained:
            return line
        statistics = (
            "those that came with the weights" if self.keep_batch_norm else "those of each batch, averaged over steps"
        )
        return f"{line} BatchNorm's mean and variance: {statistics} (--keep_batch_norm {str(self.keep_batch_norm).lower()})."

    def _trainable_names(self, model: BackboneClassifier) -> set[str]:
        """Return the names of the backbone's parameters that train."""
        names = [name for name, _ in model.backbone.named_parameters()]
        if self.unfreeze_from == "none":
            return set()
        if self.unfreeze_from == "all":
            return set(names)
        layer = model.layer_name(_relative(self.unfreeze_from))
        for index, name in enumerate(names):
            if name == layer or name.startswith(f"{layer}."):
                return set(names[index:])
        modules = [name for name, _ in model.backbone.named_modules() if name]
        near = difflib.get_close_matches(layer, modules, n=3, cutoff=0.4)
        stages = model.stages()
        raise UserError(
            f"--unfreeze_from {self.unfreeze_from}: the backbone has no layer of that name with parameters; nearest: "
            f"{', '.join(near) or 'none'}. Write none, all, or a layer such as {stages[0]} ... {stages[-1]}."
        )


class FreezeCallback(TrainerCallback):
    """Freezes the model by a plan when the Trainer is built, and proves at the end of training that nothing frozen moved.

    It acts in `on_init_end`, before the optimizer and DDP exist; later would be too late for both.
    """

    def __init__(self, plan: FreezePlan) -> None:
        self.plan = plan
        self.checksum_before = ""
        self.checksum_after = ""

    def on_init_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Freeze the model and note the checksum of what is frozen."""
        assert model is not None
        self.plan.apply(model)
        self.checksum_before = frozen_checksum(model)

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Compare the frozen part with what it was.

        Raises:
            RuntimeError: A frozen parameter or buffer has changed.

        """
        assert model is not None
        self.checksum_after = frozen_checksum(model)
        if self.checksum_after != self.checksum_before:
            raise RuntimeError("Frozen parameters or buffers have changed in training; please report this as a bug.")


def frozen_checksum(model: BackboneClassifier, without: tuple[str, ...] = ()) -> str:
    """SHA-256 over the backbone's frozen parameters and the buffers of its still modules; empty where there are none.

    Args:
        model: The model.
        without: Names of modules that do not count, such as `model.training_parts`.

    """
    digest = hashlib.sha256()
    anything = False
    still = set(model.still_modules())
    for module_name, module in model.backbone.named_modules():
        if set(module_name.split(".")) & set(without):
            continue
        tensors = [(n, p) for n, p in module.named_parameters(recurse=False) if not p.requires_grad]
        tensors += list(module.named_buffers(recurse=False)) if module in still else []
        for name, tensor in tensors:
            anything = True
            digest.update(f"{module_name}.{name}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest() if anything else ""


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return how many parameters train, and how many there are."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trains in sizes if trains), sum(size for size, _ in sizes)


def _relative(name: str) -> str:
    return name.removeprefix("backbone.")
