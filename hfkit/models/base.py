"""What all classifiers share: a backbone, a head, frozen parts that stay frozen, and a strict way to load weights."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers import initialization as init


class BackboneClassifier(PreTrainedModel):
    """A pretrained `backbone` and a `classifier` head on top of it.

    A subclass builds an empty net from its config in `__init__` and ends it in `post_init()`; weights come afterwards,
    by `from_backbone` (pretrained backbone, new head) or `from_pretrained` (a whole saved model).
    """

    base_model_prefix = "backbone"
    # Otherwise the Trainer takes the loss for normalised over the accumulated batch, and gradients grow with the number
    # of accumulation steps: https://github.com/huggingface/transformers/issues/47688
    accepts_loss_kwargs = False
    supports_gradient_checkpointing = True

    backbone: Any
    classifier: Any
    entry = "classifier"
    """The stage that `forward(states=...)` enters: what is in front of it was computed before (see `run_to`)."""
    feature_size: int
    """Width of the features that the backbone gives to the head."""
    new_stage: str | None = None
    """A stage that no pretrained weights have, and that therefore has to train."""
    training_parts: tuple[str, ...] = ()
    """Names of modules of the backbone that only training uses: nothing that `run_to` returns depends on them."""
    keep_batch_norm = False
    """BatchNorm keeps the mean and variance that came with the weights, also where its scale and shift train."""

    def stages(self) -> list[str]:
        """Name the stages of the backbone in the order in which they are registered, e.g. `encoder.layer.11`.

        A stage is an item of a list of layers, or a module that holds no such list.
        """
        return list(_stage_names(self.backbone))

    def entries(self) -> list[str]:
        """Name the stages that this model can be run up to and from, in order of execution; the last is the head.

        A family that knows the order of its stages names them all; otherwise there is the head alone.
        """
        return ["classifier"]

    def run_to(self, stage: str, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the backbone on a batch of what `forward` takes, and return what enters `stage`, one of `entries()`."""
        raise NotImplementedError

    def layer_name(self, name: str) -> str:
        """Return the backbone's own name of a layer that may be named as another library names it; here: the same."""
        return name

    def drop_training_parts(self) -> None:
        """Remove what only training uses, before the trained model is saved; most models have nothing of the kind."""

    def train(self, mode: bool = True) -> "BackboneClassifier":
        """Set the training mode, but keep `still_modules` in eval mode.

        The Trainer calls this at every step, which would wake the dropout and the BatchNorm statistics of frozen layers.
        """
        if mode != self.training:
            super().train(mode)
        still = set(self.still_modules()) if mode else set()
        for module in self.modules():
            wanted = mode and module not in still
            if module.training != wanted:  # to set an attribute of a module is slow, and this runs at every step
                module.training = wanted
        return self

    def still_modules(self) -> list[nn.Module]:
        """Return the modules of the backbone that are in eval mode in training too.

        They are frozen modules, which have no trainable parameter; parameterless ones (such as a dropout) that are
        registered before the first trainable parameter; and with `keep_batch_norm` every BatchNorm.
        """
        inside: dict[nn.Module, set[bool]] = {}
        _collect_requires_grad(self.backbone, inside)
        still: list[nn.Module] = []
        trainable_seen = inside[self.backbone] == {True}
        for module in self.backbone.modules():
            if self.keep_batch_norm and isinstance(module, nn.modules.batchnorm._BatchNorm):
                still.append(module)
            elif True in inside[module]:
                trainable_seen |= any(parameter.requires_grad for parameter in module.parameters(recurse=False))
            elif inside[module] or not trainable_seen:
                still.append(module)
        return still

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise a module of the head; `nn.GRU` has no default in transformers and would hold raw memory."""
        super()._init_weights(module)
        if isinstance(module, nn.GRU):
            bound = module.hidden_size**-0.5
            for parameter in module.parameters(recurse=False):
                init.uniform_(parameter, -bound, bound)

    def copy_backbone(self, other: "BackboneClassifier") -> None:
        """Copy the weights of another model's backbone, strictly.

        Raises:
            ValueError: A tensor is missing, unknown or of another shape.

        """
        self._load_backbone_state(other.backbone.state_dict(), type(other).__name__)

    def _load_backbone_state(self, state: Mapping[str, torch.Tensor], source: str) -> None:
        """Copy `state` into the backbone: every tensor, or none and an error.

        Raises:
            ValueError: `state` lacks a tensor, has one too many, or one of another shape.

        """
        own = self.backbone.state_dict()
        problems = [f"{key} is missing" for key in own if key not in state]
        problems += [f"{key} is unknown" for key in state if key not in own]
        problems += [
            f"{key} has shape {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape
        ]
        if problems:
            more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
            raise ValueError(
                f"The weights of {source} do not fit the backbone {type(self.backbone).__name__}: "
                f"{'; '.join(problems[:5])}{more}."
            )
        self.backbone.load_state_dict(state)

    def _all_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (batch, num_labels) logits; a single logit z stands for [0, z], whose softmax is the sigmoid of z."""
        return functional.pad(logits, (1, 0)) if logits.shape[-1] == 1 else logits

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor | None:
        """Return the mean cross-entropy of `logits` (batch, num_labels), or None without `labels`: numbers or probabilities."""
        return None if labels is None else functional.cross_entropy(logits, labels)


def _collect_requires_grad(module: nn.Module, found: dict[nn.Module, set[bool]]) -> set[bool]:
    """Note which values `requires_grad` has in a module and below it, for it and all below it, each looked at once."""
    if module not in found:
        found[module] = {parameter.requires_grad for parameter in module._parameters.values() if parameter is not None}
        found[module].update(*(_collect_requires_grad(child, found) for child in module.children()))
    return found[module]


def _stage_names(module: nn.Module, prefix: str = "") -> list[str]:
    """Walk `module` in registration order; descend only where a list of layers is inside."""
    if not any(isinstance(child, nn.ModuleList | nn.Sequential) for child in module.modules()):
        return [prefix]
    names: list[str] = []
    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        names += [path] if isinstance(module, nn.ModuleList | nn.Sequential) else _stage_names(child, path)
    return names
