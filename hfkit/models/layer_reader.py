"""The part of an image classifier that lets its head read several layers of the backbone."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .base import BackboneClassifier
from .execution_order import probing
from .image_layers import (
    FEATURES,
    IMAGE_POOLINGS,
    KINDS,
    PassThrough,
    group_layers,
    measure_layer,
    modules_behind,
    read_layers,
    readable_layers,
    resolve_layer,
)
from .layer_groups import FeatureGroup, LayerReport, time_call

_CANNOT_SKIP = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a backbone raises that does not run without some of its modules."""


class LayerReader(BackboneClassifier):
    """A `BackboneClassifier` of images whose head may be `layers`; a subclass sets `own_feature_size`."""

    own_feature_size: int
    """Width of what other heads stand on."""

    def readable_layers(self) -> list[str]:
        """Name what a head `layers` reads by default: modules of the backbone in order of execution, and `features`."""
        skipped = self.config.dropped_modules or []
        stages = [stage for stage in self.stages() if not _is_in(stage, skipped)]
        names = readable_layers(stages, self.backbone, self.execution_order())
        return [name for name in names if not (skipped and (name == FEATURES or _is_in(name, skipped)))]

    def feature_groups(self) -> list[FeatureGroup]:
        """Say which columns of `features()` come from which module; empty but for a head `layers`."""
        config = self.config
        if config.head != "layers":
            return []
        widths = [
            self.own_feature_size if kind == FEATURES else width
            for width, kind in zip(config.layer_widths, config.layer_kinds, strict=True)
        ]
        return group_layers(config.layer_names, widths, config.layer_kinds, config.poolings)

    def keep_layers(self, layers: Sequence[str] | None = None, poolings: Sequence[str] | None = None) -> None:
        """Let a head `layers` read these alone, and build a new one of the right size, initialised.

        Args:
            layers: Names of modules of the backbone, as its own library or this class names them, or `features`; default:
                `readable_layers()`.
            poolings: What is taken of each: `mean` over space or tokens, `first` token where there are tokens; default: mean,
                and where a token of the class stands in front of the patches first, too.

        Raises:
            ValueError: There is no such layer or pooling, or the head is another one.

        """
        if self.config.head != "layers":
            raise ValueError(f"a head {self.config.head} reads no chosen layers")
        known, order = self.readable_layers(), self.execution_order()
        names = known if layers is None else [name.removeprefix("backbone.") for name in layers]
        names = [name if name == FEATURES else resolve_layer(self.layer_name(name), order, known) for name in names]
        wrong = [name for name in names if self.config.dropped_modules and name not in known]
        if wrong or not names or len(set(names)) < len(names):
            shown = " ".join(layers or names) or "empty"
            raise ValueError(f"layers is {shown}: write different ones of {', '.join(known)}")
        default = ["mean", "first"] if self._prefix_tokens() else ["mean"]
        ways = default if poolings is None else list(poolings)
        _check_poolings(ways)
        sizes = [(0, FEATURES) if name == FEATURES else measure_layer(name, order) for name in names]
        self.config.layer_names, self.config.poolings = names, ways
        self.config.layer_widths = [width for width, _ in sizes]
        self.config.layer_kinds = [kind for _, kind in sizes]
        self._replace_head()

    def drop_unused_layers(self) -> LayerReport | None:
        """Remove the modules that run behind all that a head `layers` reads.

        The config names them from then on. Where the features of the probe batch would change, all stay.

        Returns:
            What was removed, or why nothing was; None where the head is another one, or nothing runs behind what it reads.

        """
        config = self.config
        if config.head != "layers" or FEATURES in config.layer_names:
            return None
        names = modules_behind(config.layer_names, self.backbone, self.execution_order())
        if not names:
            return None
        layers, size = self._count()
        whole = {name: self.backbone.get_submodule(name) for name in names}
        reason, seconds = "", 0.0
        with torch.no_grad(), probing(self):
            # Another number of rows than any width or pair of values has, so that nothing fits by chance.
            inputs = {name: torch.cat([rows, rows, rows[:1]]) for name, rows in self.probe_inputs().items()}
            features = self.features(**inputs)
            whole_seconds = time_call(lambda: self.features(**inputs))
            try:
                _replace(self.backbone, {name: PassThrough() for name in names})
                torch.testing.assert_close(self.features(**inputs), features, rtol=1e-5, atol=1e-6)
                seconds = time_call(lambda: self.features(**inputs))
            except AssertionError:
                reason = "without those that the head does not read it would get other features"
            except _CANNOT_SKIP as error:
                reason = f"{type(self.backbone).__name__} does not run without the last ones ({' '.join(str(error).split())})"
        if reason:
            _replace(self.backbone, whole)
        else:
            config.dropped_modules = [*(config.dropped_modules or []), *names]
        self.forget_execution_order()
        self.train(self.training)
        left, small = self._count()
        return LayerReport(left, layers - left, small, size - small, reason, (whole_seconds, seconds))

    def _count(self) -> tuple[int, int]:
        """Return how many stages with parameters there are, and how many parameters."""
        stages = [stage for stage in self.stages() if [*self.backbone.get_submodule(stage).parameters()]]
        return len(stages), sum(parameter.numel() for parameter in self.parameters())

    def _prefix_tokens(self) -> int:
        """Return how many tokens stand in front of the patches, such as that of the class."""
        return 0

    def _read(self, run: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Return what the head takes: what `run` gives, or for a head `layers` what it reads while that runs."""
        if self.config.head != "layers":
            return run()
        kinds = dict(zip(self.config.layer_names, self.config.layer_kinds, strict=True))
        return read_layers(self.backbone, run, self.feature_groups(), kinds, self._prefix_tokens())


def check_layer_fields(config: Any) -> None:
    """Fill in what a head `layers` reads where nothing is named, and refuse what is none, or is for another head.

    Raises:
        ValueError: As above.

    """
    fields = (config.layer_names, config.layer_widths, config.layer_kinds, config.poolings, config.dropped_modules)
    if config.head != "layers":
        if config.dropped_modules:
            raise ValueError(f"layers behind {config.layer_names or 'some'} were dropped: write the head layers")
        if any(field is not None for field in fields):
            raise ValueError(f"layer_names and poolings are for the head layers, not for {config.head}.")
        if config.standardised and (config.head != "linear" or getattr(config, "two_heads", False)):
            raise ValueError("standardised is for one head linear or layers.")
        return
    if getattr(config, "two_heads", False):
        raise ValueError("two_heads are for the heads mlp and linear: leave it out for the head layers.")
    if config.layer_names is None:
        config.layer_names, config.layer_widths, config.layer_kinds = [FEATURES], [0], [FEATURES]
    config.poolings = config.poolings or ["mean"]
    _check_poolings(config.poolings)
    lengths = {len(field or ()) for field in (config.layer_names, config.layer_widths, config.layer_kinds)}
    if len(lengths) > 1 or 0 in lengths or not set(config.layer_kinds) <= set(KINDS):
        raise ValueError("layer_names, layer_widths and layer_kinds name one value for each layer.")
    if config.dropped_modules and FEATURES in config.layer_names:
        raise ValueError("the features of the whole backbone need the layers that were dropped.")


def describe_layers(model: LayerReader) -> str:
    """Say in one sentence what a head `layers` is and what it stands on."""
    config = model.config
    return (
        f"Head: one linear layer on {model.feature_size:,} features, {' and '.join(config.poolings)} of "
        f"{', '.join(config.layer_names)}, dropout {config.head_dropout:g}, {config.num_labels} logits."
    )


def _check_poolings(poolings: Sequence[str]) -> None:
    if not poolings or len(set(poolings)) < len(poolings) or not set(poolings) <= set(IMAGE_POOLINGS):
        raise ValueError(f"poolings is {' '.join(poolings) or 'empty'}: write {' or '.join(IMAGE_POOLINGS)}, or both.")


def _replace(backbone: nn.Module, modules: dict[str, nn.Module]) -> None:
    for name, module in modules.items():
        backbone.set_submodule(name, module)


def _is_in(name: str, outer: Sequence[str]) -> bool:
    return any(f"{name}.".startswith(f"{module}.") for module in outer)
