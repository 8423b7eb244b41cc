"""Freezing: what of a model trains, by the order in which its layers run."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from tqdm.auto import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .errors import UserError
from .flags.arguments import ModelArguments
from .frozen_checksums import RECORD_FILE, FrozenRecord, entering_checksum
from .models.base import BackboneClassifier
from .models.execution_order import ExecutionOrder, probing

_NAMED = 5
"""So many modules are named in a sentence."""


@dataclass(frozen=True)
class FreezePlan:
    """What of a backbone trains; the head always does.

    `unfreeze_from` is `none` (the head alone), `all`, or the dotted name of a backbone module, such as
    `encoder.layer.11`, from whose first execution on everything trains: what enters it depends on nothing that trains, in
    whatever order the layers are registered. A leading `backbone.` is accepted. What the logits do not depend on stays frozen.
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
            UserError: The backbone has no module of that name, or never runs it.

        """
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
        line = f"{trainable:,} of {total:,} parameters train ({trainable / total:.2%}): {start}."
        return " ".join([line, *self._frozen_by_use(model), *self._not_trained(model), *self._batch_norm(model)])

    def _frozen_by_use(self, model: BackboneClassifier) -> list[str]:
        """Name what stays frozen since frozen layers use it, too, or since nothing uses it."""
        if self.unfreeze_from == "none":
            return []
        order = model.execution_order()
        sentences = []
        if model.trained_from is not None:
            shared = order.used_on_both_sides(model.trained_from)
            if shared:
                sentences.append(f"Frozen, since layers on both sides use it: {_list(shared)}.")
        unused = [name for name in order.unused if not _is_training_part(name, model)]
        if unused:
            sentences.append(f"Frozen, since the logits do not depend on it: {_list(unused)}.")
        if model.dropout_around:
            around = type(model.backbone).__name__
            sentences.append(f"{around} has one dropout for frozen and trained layers; it is off in both.")
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
        """Return the module that is the first to train: None for all, `classifier` for none.

        Raises:
            UserError: There is no such layer, or it never runs.

        """
        if self.unfreeze_from in ("all", "none"):
            return None if self.unfreeze_from == "all" else "classifier"
        layer = model.layer_name(_relative(self.unfreeze_from))
        order = model.execution_order()
        start = order.resolve(layer)
        if start:
            return start
        if any(name == layer for name, _ in model.backbone.named_parameters()):
            raise UserError(self._refuse_parameter(layer, order))
        modules = [name for name, _ in model.backbone.named_modules() if name]
        stages = model.stages()
        runs = [name for name in order.first_calls if name]
        near = difflib.get_close_matches(layer, runs, n=3, cutoff=0.4)
        problem = "the backbone never runs that layer" if layer in modules else "the backbone has no layer of that name"
        raise UserError(
            f"--unfreeze_from {self.unfreeze_from}: {problem}; nearest: {', '.join(near) or 'none'}. Write none, all, or a "
            f"layer such as {stages[0]} ... {stages[-1]}."
        )

    def _refuse_parameter(self, name: str, order: ExecutionOrder) -> str:
        """Say what to write in place of the name of a parameter, which does not run."""
        module = name.rpartition(".")[0]
        if module in order.first_calls and module:
            return (
                f"--unfreeze_from {self.unfreeze_from}: that is a parameter; write the layer that holds it, {module}."
            )
        after = next((layer for layer in order.first_calls if name in order.inputs_depend_on[layer]), None)
        ready = f"; with {after}, which it enters, it is frozen" if after else ""
        first = next(layer for layer in order.first_calls if layer)
        return (
            f"--unfreeze_from {self.unfreeze_from}: that is a parameter; write {first} or all to train it, too{ready}."
        )

    def _trainable_names(self, model: BackboneClassifier) -> set[str]:
        """Return the names of the backbone's parameters that train."""
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


class FreezeCallback(TrainerCallback):
    """Freezes the model by a plan when the Trainer is built, and proves at the end of training that nothing frozen moved.

    It acts in `on_init_end`, before the optimizer and DDP exist; later would be too late for both. A run that is resumed is
    compared with the record of its first start, which stands in its folder.
    """

    def __init__(self, plan: FreezePlan) -> None:
        self.plan = plan
        self.before: FrozenRecord | None = None
        self.after: FrozenRecord | None = None

    def on_init_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Freeze the model and note the checksums of what is frozen."""
        assert model is not None
        self.plan.apply(model)
        self.before = FrozenRecord.take(model)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Keep the record of a first start, or take it from the folder of a run that is resumed."""
        assert self.before is not None
        folder = Path(args.output_dir)
        if state.global_step == 0:
            if self.before.frozen_sha256 and state.is_world_process_zero:
                self.before.write(folder)
            return
        first = FrozenRecord.read(folder)
        if first is not None and first.trained_from == self.before.trained_from:
            self.before = first
        elif self.before.frozen_sha256 and state.is_world_process_zero:
            tqdm.write(
                f"{folder / RECORD_FILE} holds no record of a first start with the same layers frozen: what is frozen is "
                "compared with this start."
            )

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: BackboneClassifier | None = None,
        **kwargs: Any,
    ) -> None:
        """Compare the frozen part, and what it makes of the probe batch, with what they were.

        Raises:
            RuntimeError: A frozen parameter or buffer has changed, or what enters the first trained layer.

        """
        assert model is not None
        assert self.before is not None
        self.after = FrozenRecord.take(model)
        if self.after.frozen_sha256 != self.before.frozen_sha256:
            raise RuntimeError("Frozen parameters or buffers have changed in training; please report this as a bug.")
        if self.after.computed_on != self.before.computed_on:
            if state.is_world_process_zero:
                tqdm.write(
                    "The state that enters the first trained layer is not compared with that of the first start: it was "
                    "computed on another machine or device, or by other versions of packages."
                )
        elif self.after.entering_sha256 != self.before.entering_sha256:
            raise RuntimeError(
                f"What enters {model.trained_from}, the first trained layer, has changed in training; please report this as "
                "a bug."
            )

    def results(self) -> dict[str, str]:
        """Return the checksums before and after training by the names of the results; nothing where nothing is frozen."""
        assert self.before is not None
        assert self.after is not None
        results: dict[str, str] = {}
        if self.before.frozen_sha256:
            results |= {
                "frozen_sha256_before": self.before.frozen_sha256,
                "frozen_sha256_after": self.after.frozen_sha256,
            }
        if self.before.entering_sha256:
            results["entering_sha256_before"] = self.before.entering_sha256
            results["entering_sha256_after"] = self.after.entering_sha256
        return results


def _state_varies_in_training(model: BackboneClassifier) -> bool:
    """Whether what enters the first trained layer is another in training: a dropout in front of it is still awake.

    Some encoders, such as XLM, draw it in the forward pass of a module around all layers.
    """
    if model.trained_from in (None, "classifier"):
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
