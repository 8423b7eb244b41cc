"""What all classifiers share: a backbone, a head, frozen parts that stay frozen, and a strict way to load weights."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import initialization as init

from .checked_loading import CheckedModel
from .execution_order import ExecutionOrder, probing
from .execution_recorder import record_execution
from .heads import LayersHead
from .layer_groups import FeatureGroup, LayerReport, list_stages
from .splitting import Arguments, Placeholders, Split, arguments_of_first_call

_CANNOT_SPLIT = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a backbone raises whose parts do not fit together."""


class BackboneClassifier(CheckedModel):
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
    start_layer = "classifier"
    """The layer that `forward(states=...)` enters: what is in front of it was computed before (see `forward_to`)."""
    trained_from: str | None = None
    """The module whose first call is the first that trains; `classifier`: none of the backbone's; None: all of them."""
    feature_size: int
    """Width of the features that the backbone gives to the head."""
    randomly_initialised: str | None = None
    """A layer that no pretrained weights have, and that therefore has to train."""
    training_parts: tuple[str, ...] = ()
    """Names of modules of the backbone that only training uses: nothing that `forward_to` returns depends on them."""
    keep_batch_norm = False
    """BatchNorm keeps the mean and variance that came with the weights, also where its scale and shift train."""
    dropout_around = False
    """A module around the first trained layer has a dropout of its own in front of that layer, and has to sleep for it."""
    _order: ExecutionOrder | None = None
    _splits: Mapping[str, Split | None] = {}
    _placeholder_source: Callable[[tuple[int, ...]], torch.Tensor] | None = None

    def stages(self) -> list[str]:
        """Name the stages as registered, e.g. `encoder.layer.11`: items of lists of layers, and modules without such lists."""
        return list_stages(self.backbone)

    def probe_inputs(self) -> dict[str, torch.Tensor]:
        """Return a small batch of what `forward` takes, always the same, on the model's device."""
        raise NotImplementedError

    def features(self, *inputs: Any, **named_inputs: Any) -> torch.Tensor:
        """Run the backbone on a batch of what `forward` takes, and return what the head takes."""
        raise NotImplementedError

    def feature_groups(self) -> list[FeatureGroup]:
        """Say which columns of `features()` come from which layer; empty for a head that does not read several layers."""
        return []

    def drop_unused_layers(self) -> LayerReport | None:
        """Remove the layers behind the last one that the head reads, where the features stay the same.

        Returns:
            What was removed, or why nothing was; None where the head does not read several layers, or the last of all.

        """
        return None

    def _new_head(self) -> nn.Module:
        """Build the head that the config describes."""
        raise NotImplementedError

    def standardise_head(self) -> None:
        """Build a new head that keeps mean and scale of its features, 0 and 1 at first; for a head `linear` or `layers`."""
        self.config.standardised = True
        self._replace_head()

    def _replace_head(self) -> None:
        """Build a new head, initialised, and forget what was seen of the old one."""
        self.classifier = self._new_head()
        self.classifier.apply(self._init_weights)
        self.classifier.to(self.device, self.dtype).train(self.training)
        self.forget_execution_order()

    def forget_execution_order(self) -> None:
        """Forget what was seen of the backbone's modules, which are other ones now."""
        self._order, self._splits = None, {}

    def execution_order(self) -> ExecutionOrder:
        """Return in which order the modules of the backbone run, as seen once on the probe batch.

        It is the record that freezing, the feature cache and all that goes by depth use.
        """
        if self._order is None:
            with probing(self, self.backbone.parameters()):
                inputs = self.probe_inputs()
                # Of integers no gradient is kept: the table of word embeddings stands for texts.
                batch = [tensor.requires_grad_() for tensor in inputs.values() if tensor.is_floating_point()]
                rows = next(iter(inputs.values()))
                shape = tuple(rows.shape[:1]) if batch else tuple(rows.shape[:2])
                batch = batch or self._word_embeddings()
                self._order = record_execution(self.backbone, lambda: self(**inputs).logits, batch, shape)
        return self._order

    def _word_embeddings(self) -> list[torch.Tensor]:
        """Return the table of word embeddings in a list; an empty one where there is no table, as in CANINE."""
        try:
            table = self.backbone.get_input_embeddings()
        except NotImplementedError:
            return []
        return [table.weight] if isinstance(table, nn.Embedding) else []

    def stage_starts(self) -> list[str]:
        """Name the modules at which stages with parameters start, in order of execution."""
        parameters = [name for name, _ in self.backbone.named_parameters()]
        order = self.execution_order()
        stages = (stage for stage in self.stages() if any(name.startswith(f"{stage}.") for name in parameters))
        starts = set(map(order.resolve, stages))
        return [layer for layer in order.first_calls if layer in starts]

    def split_points(self) -> list[str]:
        """Name the layers that this model can be run up to and from, in order of execution; the last is the head."""
        return [*(layer for layer in self.stage_starts() if not self.why_no_split(layer)), "classifier"]

    def why_no_split(self, layer: str) -> str:
        """Run the probe batch up to `layer` and from it, and say why that is not the whole; an empty text where it is."""
        before, leaf = self.start_layer, torch.zeros((), requires_grad=True)
        self.start_layer = layer
        try:
            with torch.enable_grad(), probing(self):
                inputs = self.probe_inputs()
                leaf = leaf.to(self.device).detach().requires_grad_()
                whole = self(**inputs).logits
                states = self.forward_to(layer, **inputs).detach()
                self._placeholder_source = lambda shape: leaf.expand(shape).clone()
                beside = {name: inputs[name] for name in ("attention_mask", "input_ids") if name in inputs}
                parted = self(states=states, **beside).logits
                torch.testing.assert_close(parted, whole, rtol=1e-4, atol=1e-5)
                # Equal numbers are not enough: a branch that starts at zero would hide what it lacks.
                if parted.requires_grad and torch.autograd.grad(parted.sum(), leaf, allow_unused=True)[0] is not None:
                    return "more than one tensor comes from the layers in front of it"
        except AssertionError:
            return "the model in two parts differs from the whole"
        except _CANNOT_SPLIT as error:
            return " ".join(str(error).split()).split(". ")[0] or type(error).__name__
        finally:
            self.start_layer, self._placeholder_source = before, None
        return ""

    def forward_to(self, layer: str, **inputs: torch.Tensor) -> torch.Tensor:
        """Run the backbone on a batch of what `forward` takes, and return what enters `layer`, one of `split_points()`."""
        if layer == "classifier":
            return self.features(**inputs)
        return self._split(layer).states(self.layer_arguments(layer, **inputs))

    def layer_arguments(self, layer: str, **inputs: torch.Tensor) -> Arguments:
        """Run the backbone on a batch of what `forward` takes, and return what the first call of `layer` is given."""
        if layer == "classifier":
            return (self.features(**inputs),), {}
        return arguments_of_first_call(self.backbone.get_submodule(layer), partial(self.features, **inputs))

    def _split(self, layer: str) -> Split:
        """Return how to enter the backbone in front of `layer`.

        Raises:
            ValueError: That is not possible.

        """
        if layer not in self._splits:  # it is asked for at every step
            self._splits = {**self._splits, layer: Split.before(layer, self.execution_order())}
        split = self._splits[layer]
        if split is None:
            raise ValueError(f"what enters {layer} is not one tensor with a row for each input")
        return split

    def _placeholders(self, states: torch.Tensor, split: Split) -> Placeholders:
        """Return what stands for the layers in front of a split."""
        return Placeholders(states, split, self._placeholder_source)

    def layer_name(self, name: str) -> str:
        """Return the backbone's own name of a layer that may be named as another library names it; here: the same."""
        return name

    def drop_training_parts(self) -> None:
        """Remove what only training uses, before the trained model is saved; most models have nothing of the kind."""

    def train(self, mode: bool = True) -> "BackboneClassifier":
        """Set the training mode, but keep `modules_in_eval_mode` in eval mode.

        The Trainer calls this at every step, which would wake the dropout and the BatchNorm statistics of frozen layers.
        """
        if mode != self.training:
            super().train(mode)
        kept = set(self.modules_in_eval_mode()) if mode else set()
        for module in self.modules():
            wanted = mode and module not in kept
            if module.training != wanted:  # to set an attribute of a module is slow, and this runs at every step
                module.training = wanted
        return self

    def modules_in_eval_mode(self) -> list[nn.Module]:
        """Return the modules of the backbone that are in eval mode in training too.

        They are frozen modules, which have no trainable parameter; parameterless ones (such as a dropout) that run before
        what trains, or that do not run by themselves and stand in a module that is in eval mode; with `keep_batch_norm`
        every BatchNorm; and modules around the first trained layer whose own dropout is in front of it.
        """
        inside: dict[nn.Module, set[bool]] = {}
        _collect_requires_grad(self.backbone, inside)
        before, around = self._modules_before()
        kept: dict[str, bool] = {}
        modules: list[nn.Module] = []
        for name, module in self.backbone.named_modules():
            parent = kept.get(name.rpartition(".")[0], False)
            if self.keep_batch_norm and isinstance(module, nn.modules.batchnorm._BatchNorm):
                kept[name] = True
            elif True in inside[module]:
                kept[name] = name in around
            else:
                kept[name] = bool(inside[module]) or name in before or parent
            modules += [module] if kept[name] else []
        return modules

    def _modules_before(self) -> tuple[frozenset[str], frozenset[str]]:
        """Name the modules that run before what trains, and those of them in which it runs and that have to sleep, too."""
        if self.trained_from in (None, "classifier"):
            return frozenset(), frozenset()
        order = self.execution_order()
        around = frozenset(order.modules_around(str(self.trained_from)) if self.dropout_around else ())
        return order.modules_before(str(self.trained_from)), around

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise a module of the head; `nn.GRU` has no default in transformers and would hold raw memory."""
        super()._init_weights(module)
        if isinstance(module, LayersHead) and module.mean is not None:
            init.zeros_(module.mean)
            init.ones_(module.scale)
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


def _collect_requires_grad(module: nn.Module, flags: dict[nn.Module, set[bool]]) -> set[bool]:
    """Note which values `requires_grad` has in a module and below it, for it and all below it, each looked at once."""
    if module not in flags:
        flags[module] = {parameter.requires_grad for parameter in module._parameters.values() if parameter is not None}
        flags[module].update(*(_collect_requires_grad(child, flags) for child in module.children()))
    return flags[module]
