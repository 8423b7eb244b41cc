"""Freezing: what of a model trains, by the order in which its layers run."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from .backbones.lora import LoraPlan, adapted_layers, adapter_parameters
from .errors import UserError
from .flags.arguments import ModelArguments
from .frozen_checksums import entering_checksum
from .models.base import BackboneClassifier
from .models.execution_order import probing

_NAMED = 5
"""So many modules are named in a sentence."""


@dataclass(frozen=True)
class FreezePlan:
    """What of a backbone trains; the head always does.

    `unfreeze_from` is `none` (the head alone), `all`, or the dotted name of a backbone module, such as
    `encoder.layer.11`, from whose first execution on everything trains: what enters it depends on nothing that trains, in
    whatever order the layers are registered. A leading `backbone.` is accepted. What the logits do not depend on stays frozen.
    With `keep_batch_norm` the statistics of every BatchNorm stay as they are, also where its scale and shift train.

    With `lora`, beside `unfreeze_from` none, adapters train and every weight of the backbone itself is frozen. Modules that
    hold no adapter stay in eval mode, with their dropout; so does what runs in front of the first adapter. A dropout of a
    module that holds one, such as that of the attention whose queries are adapted, works in training. Adapters have none.
    """

    unfreeze_from: str = "all"
    keep_batch_norm: bool = False
    lora: LoraPlan | None = None

    @classmethod
    def from_flags(cls, flags: ModelArguments) -> "FreezePlan":
        """Return what the flags of a model leave free."""
        keep_batch_norm = bool(getattr(flags, "keep_batch_norm", False))
        return cls(flags.unfreeze_from, keep_batch_norm, LoraPlan.from_flags(flags))

    @property
    def trains_head_alone(self) -> bool:
        """Whether nothing trains but the head."""
        return self.unfreeze_from == "none" and self.lora is None

    def apply(self, model: BackboneClassifier) -> None:
        """Set `requires_grad` of every parameter of `model`, and its frozen modules to eval mode; put adapters in, once.

        Raises:
            UserError: The backbone has no module of that name, or never runs it, or cannot have the adapters.

        """
        if self.lora is not None:
            self.lora.inject(model)
        model.trained_from = self._start(model)
        trainable = self._trainable_names(model)
        for name, parameter in model.backbone.named_parameters():
            parameter.requires_grad = name in trainable
        model.classifier.requires_grad_(True)
        model.keep_batch_norm = self.keep_batch_norm
        model.dropout_around = False
        model.dropout_around = _state_varies_in_training(model)
        model.train(model.training)

    def describe(self, model: BackboneClassifier) -> str:
        """Say in one line how many parameters of `model` train, and from where, and what stays frozen against expectation."""
        trainable, total = count_parameters(model)
        where = {"all": "everything, from the first layer on", "none": "the head alone, on a frozen backbone"}
        start = where.get(self.unfreeze_from, f"from {_relative(self.unfreeze_from)} on, and the head")
        if self.lora is not None:
            start = f"{self.lora.describe(model)}, and the head; the backbone's own weights are frozen"
        line = f"{trainable:,} of {total:,} parameters train ({trainable / total:.2%}): {start}."
        return " ".join([line, *self._frozen_by_use(model), *self._not_trained(model), *self._batch_norm(model)])

    def _frozen_by_use(self, model: BackboneClassifier) -> list[str]:
        """Name what stays frozen since frozen layers use it, too, or since nothing uses it, and a dropout that is off."""
        sentences = [] if self.unfreeze_from == "none" else self._frozen_against_expectation(model)
        if model.dropout_around:
            around = type(model.backbone).__name__
            sentences.append(f"{around} has one dropout for frozen and trained layers; it is off in both.")
        return sentences

    def _frozen_against_expectation(self, model: BackboneClassifier) -> list[str]:
        order = model.execution_order()
        sentences = []
        if model.trained_from is not None:
            shared = order.used_on_both_sides(model.trained_from)
            if shared:
                sentences.append(f"Frozen, since layers on both sides use it: {_list(shared)}.")
        unused = [name for name in order.unused if not _is_training_part(name, model)]
        if unused:
            sentences.append(f"Frozen, since the logits do not depend on it: {_list(unused)}.")
        return sentences

    def _not_trained(self, model: BackboneClassifier) -> list[str]:
        """Say that a layer with random weights does not train."""
        new = model.randomly_initialised
        if not new or any(parameter.requires_grad for parameter in model.backbone.get_submodule(new).parameters()):
            return []
        return [
            f"{new} starts at random and does not train: write --unfreeze_from {new}, or an earlier layer, to train it."
        ]

    def _batch_norm(self, model: BackboneClassifier) -> list[str]:
        """Say which statistics BatchNorm uses where it trains."""
        norms = [module for module in model.backbone.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        if not any(parameter.requires_grad for norm in norms for parameter in norm.parameters()):
            return []
        kept = (
            "those that came with the weights" if self.keep_batch_norm else "those of each batch, averaged over steps"
        )
        return [f"BatchNorm's mean and variance: {kept} (--keep_batch_norm {str(self.keep_batch_norm).lower()})."]

    def _start(self, model: BackboneClassifier) -> str | None:
        """Return the module that is the first to train, or the first with an adapter: None for all, `classifier` for none.

        Raises:
            UserError: There is no such layer, or it never runs.

        """
        if self.lora is not None:
            return adapted_layers(model)[0]
        if self.unfreeze_from in ("all", "none"):
            return None if self.unfreeze_from == "all" else "classifier"
        layer = model.layer_name(_relative(self.unfreeze_from))
        order = model.execution_order()
        start = order.resolve(layer)
        if start:
            return start
        if any(name == layer for name, _ in model.backbone.named_parameters()):
            raise UserError(self._refuse_parameter(layer, model))
        modules = [name for name, _ in model.backbone.named_modules() if name]
        stages = model.stages()
        runs = [name for name in order.first_calls if name]
        near = difflib.get_close_matches(layer, runs, n=3, cutoff=0.4)
        problem = "the backbone never runs that layer" if layer in modules else "the backbone has no layer of that name"
        raise UserError(
            f"--unfreeze_from {self.unfreeze_from}: {problem}; nearest of those that run: {', '.join(near) or 'none'}. Write "
            f"none, all, or a layer such as {stages[0]} ... {stages[-1]}."
        )

    def _refuse_parameter(self, name: str, model: BackboneClassifier) -> str:
        """Say what to write in place of the name of a parameter, which does not run."""
        order, module = model.execution_order(), name.rpartition(".")[0]
        if module in order.first_calls and module:
            return (
                f"--unfreeze_from {self.unfreeze_from}: that is a parameter; write the layer that holds it, {module}."
            )
        with_parameters = [stage for stage in model.stages() if [*model.backbone.get_submodule(stage).parameters()]]
        starts = {order.resolve(stage) for stage in with_parameters}
        layers = [layer for layer in order.first_calls if layer in starts]
        after = next((layer for layer in layers if name in order.inputs_depend_on[layer]), None)
        frozen = f", or {after} to train from there on and leave it frozen" if after else ""
        return f"--unfreeze_from {self.unfreeze_from}: that is a parameter; write {layers[0]} or all to train it, too{frozen}."

    def _trainable_names(self, model: BackboneClassifier) -> set[str]:
        """Return the names of the backbone's parameters that train."""
        if self.lora is not None:
            return adapter_parameters(model)
        if self.unfreeze_from == "none":
            return set()
        order = model.execution_order()
        frozen = set(order.unused)
        if model.trained_from is not None:
            frozen |= order.inputs_depend_on[model.trained_from]
        names = [name for name, _ in model.backbone.named_parameters()]
        trainable = {name for name in names if name not in frozen}
        # What only training uses trains with the module that it is a part of.
        trained_modules = {name.rpartition(".")[0] for name in trainable}
        for name in names:
            owner = _is_training_part(name, model)
            if owner and any(module == owner or module.startswith(f"{owner}.") for module in trained_modules):
                trainable.add(name)
        return trainable


def _state_varies_in_training(model: BackboneClassifier) -> bool:
    """Whether what enters the first trained layer is another in training: a dropout in front of it is still awake.

    Some encoders, such as XLM, draw it in the forward pass of a module around all layers.
    """
    if (
        model.trained_from in (None, "classifier") or model.device.type == "meta"
    ):  # a net without numbers has none to compare
        return False
    statistics = {name: buffer.clone() for name, buffer in model.backbone.named_buffers()}
    was_training = model.training
    try:
        with probing(model):
            asleep = entering_checksum(model)
            model.train()
            awake = entering_checksum(model)
    finally:
        model.train(was_training)
        for name, buffer in model.backbone.named_buffers():
            buffer.copy_(statistics[name])
    return asleep != awake


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return how many parameters train, and how many there are."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trains in sizes if trains), sum(size for size, _ in sizes)


def _is_training_part(name: str, model: BackboneClassifier) -> str:
    """Return the module of which the parameter `name` is a part that only training uses; empty where it is no such part."""
    parts = name.split(".")
    return next((".".join(parts[:index]) for index, part in enumerate(parts) if part in model.training_parts), "")


def _list(parameters: Iterable[str]) -> str:
    """Name the modules of parameters, or those without a module themselves."""
    names = sorted({name.rpartition(".")[0] or name for name in parameters})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _relative(name: str) -> str:
    return name.removeprefix("backbone.")
