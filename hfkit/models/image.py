"""What all image classifiers share: a config with a head and an image size, `forward`, and the head itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers import initialization as init
from transformers.modeling_outputs import ImageClassifierOutput

from .answering import check_threshold
from .config_checks import CheckedConfig
from .heads import LayersHead, LinearHead, MlpHead
from .image_layers import PassThrough
from .image_pipeline import ImageClassificationPipeline
from .label_sets import SINGLE_LABEL, check_problem_type
from .layer_reader import LayerReader, check_layer_fields, describe_layers
from .losses import classifier_loss
from .splitting import Split, entering

Step = tuple[str, Callable[[torch.Tensor], torch.Tensor]]
"""A part of a backbone: its name, and the function that it is."""


@dataclass(frozen=True)
class Preprocessing:
    """How the weights of a backbone want their images: RGB, resized to a square, scaled to 0-1 and normalised.

    Attributes:
        weights: Name of the weights that this is the record of.
        image_size: Height and width in pixels.
        mean: Of red, green and blue, subtracted after scaling to 0-1.
        std: Of red, green and blue, divided by.
        interpolation: `bilinear`, `bicubic`, ...

    """

    weights: str
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str


def torchvision_preprocessing(weights: Any) -> Preprocessing:
    """Return what torchvision records with `weights`, a member of one of its enumerations of weights."""
    record = weights.transforms()
    return Preprocessing(
        weights=f"torchvision's {type(weights).__name__}.{weights.name}",
        image_size=record.crop_size[0],
        mean=tuple(record.mean),
        std=tuple(record.std),
        interpolation=record.interpolation.value,
    )


def torchvision_tensors(source: str | Mapping[str, torch.Tensor], weights: Any) -> dict[str, torch.Tensor]:
    """Return the tensors of `source`, or where it is `default` those of `weights`, without torchvision's own head."""
    state = source
    if isinstance(state, str):
        state = weights.get_state_dict(check_hash=True, weights_only=True, map_location="cpu")
    return {key: tensor for key, tensor in state.items() if not key.startswith("classifier.")}


class ImageClassifierConfig(CheckedConfig):
    """Configuration that all image classifiers share.

    Args:
        head: `mlp` (hidden layers) or `linear` (one layer) on the backbone's features, or `layers` (on those of its modules).
        head_hidden_size: Width of the hidden layers of the MLP.
        head_layers: Number of hidden layers of the MLP.
        head_activation: `relu` or `elu`, after each hidden layer.
        head_dropout: Dropout after each hidden layer of the MLP, or before the linear head.
        image_size: Height and width, in pixels, that the images are resized to.
        layer_names: What a head `layers` reads: names of the backbone's modules, and `features` for what other heads stand
            on; default: `features` alone. `ImageClassifier.keep_layers` chooses them, and fills in the next two.
        layer_widths: Channels of each; 0 for `features`, whose width is the backbone's.
        layer_kinds: Where they stand, see `image_layers.KINDS`.
        poolings: What is taken of each: `mean` over space or tokens, `first` token where there are tokens.
        standardised: Whether a head `layers` or `linear` keeps the mean and the scale of its features.
        dropped_modules: Names of modules that were dropped, since they stand behind all that a head `layers` reads.
        answer_threshold: The lowest confidence with which an image is answered in `pipeline()`; `None`: each is.
        problem_type: `single_label_classification`, or `multi_label_classification`: each image has any number of the labels.
        label_thresholds: With several labels an image, the lowest score of each label with which one gets it; `None`: 0.5.

    """

    head: Literal["mlp", "linear", "layers"] = "mlp"
    head_hidden_size: int = 256
    head_layers: int = 2
    head_activation: Literal["relu", "elu"] = "relu"
    head_dropout: float = 0.5
    image_size: int = 224
    layer_names: list[str] | None = None
    layer_widths: list[int] | None = None
    layer_kinds: list[str] | None = None
    poolings: list[str] | None = None
    standardised: bool = False
    dropped_modules: list[str] | None = None
    answer_threshold: float | None = None
    problem_type: str | None = None
    label_thresholds: list[float] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.problem_type = self.problem_type or SINGLE_LABEL
        super().__post_init__(**kwargs)
        for name, value, choices in (
            ("head", self.head, ("mlp", "linear", "layers")),
            ("head_activation", self.head_activation, ("relu", "elu")),
        ):
            if value not in choices:
                raise ValueError(f"Unknown {name} '{value}': write {' or '.join(choices)}.")
        check_layer_fields(self)
        check_threshold(self.answer_threshold)
        check_problem_type(self)
        # `pipeline("image-classification", ..., trust_remote_code=True)` runs this class from the model's own folder.
        self.custom_pipelines = {
            "image-classification": {
                "impl": f"image_pipeline.{ImageClassificationPipeline.__name__}",
                "pt": ["AutoModelForImageClassification"],
                "type": "image",
            }
        }


class ImageClassifier(LayerReader):
    """A backbone that turns images into features, and a head on top of them.

    A subclass builds `backbone`, sets `feature_size`, calls `_finish()` at the end of its constructor, and says in
    `steps()` how images become features, in `preprocessing()` how the weights want them, and in
    `load_pretrained_backbone()` where they come from.
    """

    main_input_name = "pixel_values"
    supports_gradient_checkpointing = False

    def preprocessing(self) -> Preprocessing:
        """Return how the backbone's weights want their images, from the record that was published with them."""
        raise NotImplementedError

    def steps(self) -> list[Step]:
        """Return the backbone as named functions in order of execution, from the images to the features.

        The names are those of layers; only the last function, which makes features of states, may have none. A backbone
        that is not to be taken apart in this way is one step without a name.
        """
        raise NotImplementedError

    def probe_inputs(self) -> dict[str, torch.Tensor]:
        """Return two images of noise, always the same, on the model's device."""
        size = self.config.image_size
        pixels = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
        return {"pixel_values": pixels.to(self.device)}

    def features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Map images (batch, 3, height, width) to what the head takes, (batch, feature_size)."""
        return self._read(lambda: _run(self.steps(), pixel_values))

    def split_points(self) -> list[str]:
        """Name the layers that this model can be run up to and from, in order of execution; the last is the head."""
        names = [name for name, _ in self.steps() if name]
        if self.config.head == "layers":  # what is in front of a layer that it reads cannot be skipped
            names = [name for name in names if not self.why_no_split(name)]
        return [*names, "classifier"] if names else super().split_points()

    def forward_to(self, layer: str, **inputs: torch.Tensor) -> torch.Tensor:
        """Map `pixel_values` (batch, 3, height, width) to what enters `layer`, one of `split_points()`."""
        position = self._position(layer)
        if position is None:
            return super().forward_to(layer, **inputs)
        return _run(self.steps()[:position], inputs["pixel_values"])

    def forward_from(self, layer: str, states: torch.Tensor) -> torch.Tensor:
        """Map what enters `layer` to what the head takes."""
        if layer == "classifier":
            return states
        position = self._position(layer)
        if position is not None:
            return self._read(lambda: _run(self.steps()[position:], states))
        split, size = self._split(layer), self.config.image_size
        placeholders = self._placeholders(states, split)
        with entering(self.backbone, split, placeholders):
            return self.features(placeholders.of_shape((len(states), 3, size, size)))

    def _split(self, layer: str) -> Split:
        """Return how to enter a backbone without steps in front of `layer`; one with steps is entered at those alone."""
        if any(name for name, _ in self.steps()):
            raise ValueError(f"{layer} stands within a step of {type(self).__name__}")
        return super()._split(layer)

    def _position(self, layer: str) -> int | None:
        """Return the index of `layer` in `steps()`, or None where it is no step of its own."""
        names = [name for name, _ in self.steps()]
        return names.index(layer) if layer in names else None

    def load_pretrained_backbone(self, source: str | Mapping[str, torch.Tensor] = "default") -> None:
        """Copy pretrained weights into the backbone, strictly.

        Args:
            source: `default` for the weights that the backbone's library publishes (downloaded, cached), or tensors under
                that library's names; those of its own classification head are dropped.

        Raises:
            OSError: The weights cannot be downloaded.
            ValueError: A tensor is missing, unknown or of another shape.

        """
        raise NotImplementedError

    @classmethod
    def from_backbone(
        cls, source: str | Mapping[str, torch.Tensor] = "default", **config_options: Any
    ) -> "ImageClassifier":
        """Build a classifier with pretrained weights (see `load_pretrained_backbone`) and a new head."""
        model = cls(cls.config_class(**config_options))
        model.load_pretrained_backbone(source)
        if model.config.head == "layers" and "layer_names" not in config_options:
            model.keep_layers()
        return model

    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        states: torch.Tensor | None = None,
    ) -> ImageClassifierOutput:
        """Classify a batch of images.

        Args:
            pixel_values: (batch, 3, image_size, image_size), preprocessed as `preprocessing()` says.
            labels: (batch,) label ids, or (batch, num_labels) probabilities (MixUp, CutMix); with them the output has
                a `loss`, the mean cross-entropy.
            states: In place of images, what `forward_to(self.start_layer, ...)` made of them.

        Returns:
            `logits` (batch, num_labels), and `loss` if labels are given.

        """
        if states is not None:
            features = self.forward_from(self.start_layer, states)
        else:
            assert pixel_values is not None
            features = self.features(pixel_values)
        logits = self._logits(features)
        return ImageClassifierOutput(loss=classifier_loss(logits, labels, self.config.problem_type), logits=logits)

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        """Map features (batch, feature_size) to logits (batch, num_labels)."""
        return self.classifier(features)

    def describe_head(self) -> str:
        """Say in one sentence what the head is and what it stands on."""
        config = self.config
        kind = "one linear layer"
        if config.head == "layers":
            return describe_layers(self)
        if config.head == "mlp":
            kind = f"an MLP with {config.head_layers} hidden layer(s) of {config.head_hidden_size} ({config.head_activation})"
        return f"Head: {kind} on {self.feature_size} features, dropout {config.head_dropout:g}, {config.num_labels} logits."

    def _new_head(self) -> nn.Module:
        """Build the head that the config describes."""
        config = self.config
        if config.head == "layers":
            self.feature_size = sum(group.width for group in self.feature_groups())
        if config.head == "layers" or config.standardised:
            return LayersHead(self.feature_size, config.num_labels, config.head_dropout, config.standardised)
        if config.head == "linear":
            return LinearHead(self.feature_size, config.num_labels, config.head_dropout)
        hidden = {"hidden_size": config.head_hidden_size, "layers": config.head_layers}
        options = {**hidden, "activation": config.head_activation, "dropout": config.head_dropout}
        return MlpHead(self.feature_size, config.num_labels, **options)

    def _finish(self) -> None:
        """Add the head and end the construction; the backbone keeps the initialisation of its own library."""
        self.own_feature_size = self.feature_size
        for name in self.config.dropped_modules or ():
            self.backbone.set_submodule(name, PassThrough())
        self.classifier: Any = self._new_head()
        for tensor in (*self.backbone.parameters(), *self.backbone.buffers()):
            tensor._is_hf_initialized = True  # else transformers would draw every layer again with a width of 0.02
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise what a checkpoint lacks, and compute the buffers that no checkpoint holds."""
        super()._init_weights(module)
        if isinstance(module, nn.Linear) and self.config.head == "mlp":
            # As Keras does it; hidden layers of a width of 0.02 would learn slowly at first. What is loaded stays.
            init.xavier_uniform_(module.weight)
        if hasattr(module, "init_non_persistent_buffers"):
            module.init_non_persistent_buffers()  # type: ignore[operator]


def _run(steps: Sequence[Step], states: torch.Tensor) -> torch.Tensor:
    """Apply the steps one after the other."""
    for _, step in steps:
        states = step(states)
    return states
