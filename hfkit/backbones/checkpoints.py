"""Image backbones that are checkpoints of transformers: a Hub id or a folder, its weights, and its own preprocessing."""

import copy
import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoImageProcessor, AutoModel, BaseImageProcessor, PreTrainedConfig
from transformers.image_utils import PILImageResampling
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.paths import check_backbone_path
from ..models import FAMILIES, TransformersImageClassifier, TransformersImageClassifierConfig, list_code
from ..models.checked_loading import check_files, checked_building, quietly
from ..models.config_checks import pin_revision
from ..models.image import Preprocessing
from ..models.refusing import refusing
from ..models.transformers_image import describe_features
from ..models.vision_configs import is_vision_type, read_image_size, vision_config
from ..offline import use_cache_without_hub

_EXAMPLES = "google/vit-base-patch16-224, facebook/dinov2-small or facebook/convnextv2-tiny-22k-224"
_OF_TIMM = ("hf-hub:timm/", "timm/")


@dataclass(frozen=True)
class ImageCheckpoint:
    """What a checkpoint says of itself, without its weights.

    Attributes:
        source: Folder or Hub id.
        revision: Branch, tag or commit of a Hub id.
        config: Of the image model.
        preprocessing: How its weights want their images.
        remark: A sentence on what of its own preprocessing is not done here, or the empty string.

    """

    source: str
    revision: str
    config: PreTrainedConfig = field(compare=False)
    preprocessing: Preprocessing
    remark: str


def timm_name(backbone: str) -> str:
    """Return timm's own name of one of its models on the Hub (`timm/resnet50.a1_in1k`); any other name stays as it is."""
    prefix = next((prefix for prefix in _OF_TIMM if backbone.startswith(prefix)), "")
    return backbone.removeprefix(prefix)


def names_checkpoint(backbone: str) -> bool:
    """Whether a name that is none of hfkit's and timm's is that of a checkpoint: a Hub id, or a folder with a config."""
    if backbone != timm_name(backbone) or backbone.startswith("hf-hub:"):
        return False
    return "/" in backbone or (Path(backbone) / "config.json").is_file()


def is_image_config(config: dict[str, Any]) -> bool:
    """Whether a `config.json` is that of an image model of transformers, or of a joint model with one inside."""
    return is_vision_type(str(config.get("model_type")))


def read_checkpoint(backbone: str, revision: str | None = None) -> ImageCheckpoint:
    """Read config and preprocessing of a checkpoint, downloaded where it is a Hub id; the config is the caller's own.

    Raises:
        UserError: It does not exist, cannot be reached, or is no image model of transformers.

    """
    check_backbone_path(backbone)
    source = str(Path(backbone).expanduser())
    if not Path(source).is_dir():
        source = backbone
        use_cache_without_hub()
    checkpoint = _read(backbone, source, revision or "main")
    return replace(checkpoint, config=copy.deepcopy(checkpoint.config))


def forget_checkpoints() -> None:
    """Read checkpoints again when they are asked for: a folder may have another one by now."""
    _read.cache_clear()


@functools.lru_cache(maxsize=8)
def _read(backbone: str, source: str, revision: str) -> ImageCheckpoint:
    try:
        revision = pin_revision(source, revision)
        options = check_files(source, revision=revision)
    except LOADING_ERRORS as error:
        raise UserError(
            f"There is no backbone {backbone} ({first_sentence(error)}): check the name and the network, or write a model of "
            f"timm, a folder with a checkpoint, or a Hub id such as {_EXAMPLES}."
        ) from error
    _check_kind(backbone, options)
    try:
        config = vision_config(options)
    except LOADING_ERRORS as error:
        raise UserError(
            f"The backbone {backbone} cannot stand under a head ({first_sentence(error)}): choose one such as {_EXAMPLES}."
        ) from error
    preprocessing, remark = _read_preprocessing(backbone, source, revision, config)
    return ImageCheckpoint(source, revision, config, preprocessing, remark)


def _check_kind(backbone: str, options: dict[str, Any]) -> None:
    """Refuse what is no image model of transformers, and say what it is."""
    model_type = str(options.get("model_type", ""))
    if model_type in FAMILIES:
        what = (
            "a model that hfkit saved: write the backbone that it stands on, or load the whole by hfkit.load_pipeline"
        )
    elif "timm" in model_type or (not model_type and "architecture" in options):
        what = f"a model of timm: write its name there, such as {options.get('architecture', 'convnext_tiny')}"
    elif is_vision_type(model_type):
        return
    elif list_code(options):
        what = f"no model of transformers, and hfkit runs no code of others ({', '.join(list_code(options))})"
    else:
        what = f"a {model_type or 'nameless'} model and no image model of transformers: choose one such as {_EXAMPLES}"
    raise UserError(f"The backbone {backbone} is {what}.")


def build_from_checkpoint(
    checkpoint: ImageCheckpoint, pretrained: bool, options: dict[str, Any]
) -> TransformersImageClassifier:
    """Build a classifier on a checkpoint, or `pretrained` false on an empty net of its shape.

    Args:
        checkpoint: The checkpoint.
        pretrained: Whether its weights are loaded.
        options: Fields of the classifier's config.

    Raises:
        OSError: The weights cannot be reached.
        ValueError: They do not fill the net, or it cannot be built.

    """
    if not pretrained:
        with checked_building(checkpoint.source), torch.device("meta"):  # before it takes memory
            AutoModel.from_config(copy.deepcopy(checkpoint.config), trust_remote_code=False)
        net = AutoModel.from_config(checkpoint.config, trust_remote_code=False)
        options = {**describe_features(net, True, options["image_size"]), **options}
        return TransformersImageClassifier(
            TransformersImageClassifierConfig(backbone_config=checkpoint.config, **options)
        )
    with quietly():
        return TransformersImageClassifier.from_backbone(checkpoint.source, checkpoint.revision, **options)


# --- preprocessing ---


def _read_preprocessing(
    backbone: str, source: str, revision: str, config: PreTrainedConfig
) -> tuple[Preprocessing, str]:
    """Return what the checkpoint records of its images, or what is usual for its kind, and a remark."""
    try:
        with refusing("its preprocessor_config.json cannot be read"):
            processor = AutoImageProcessor.from_pretrained(source, revision=revision, trust_remote_code=False)
            return _as_preprocessing(processor, backbone, config), _left_undone(processor)
    except LOADING_ERRORS as error:
        usual = _usual_processor(config)
        remark = f"The checkpoint has no preprocessing of its own that can be read ({first_sentence(error)})."
        return _as_preprocessing(usual, f"transformers' {type(usual).__name__}", config), remark


def _usual_processor(config: PreTrainedConfig) -> BaseImageProcessor:
    """Return the image processor of this kind of model with its defaults."""
    names = IMAGE_PROCESSOR_MAPPING_NAMES.get(config.model_type.removesuffix("_vision_model")) or {}
    return getattr(transformers, names.get("torchvision") or "ViTImageProcessor")()


def _as_preprocessing(processor: BaseImageProcessor, weights: str, config: PreTrainedConfig) -> Preprocessing:
    """Bring an image processor of any kind to our form: a square, scaled to 0-1, normalised by mean and std."""
    crop = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", False) else None
    side = _side(crop) or _side(getattr(processor, "size", None)) or read_image_size(config) or 224
    scale = 255 * (processor.rescale_factor if getattr(processor, "do_rescale", True) else 1.0)
    shift = 1.0 if getattr(processor, "rescale_offset", False) else 0.0
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if getattr(processor, "do_normalize", False):
        mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    if getattr(processor, "include_top", False):  # EfficientNet's, which divides once more
        std = tuple(value * again for value, again in zip(std, processor.image_std, strict=True))
    resample = getattr(processor, "resample", None)
    return Preprocessing(
        weights=weights,
        image_size=side,
        # What scales otherwise, or shifts before, is the same as another mean and std.
        mean=tuple((value + shift) / scale for value in mean),
        std=tuple(value / scale for value in std),
        interpolation=PILImageResampling(3 if resample is None else int(resample)).name.lower(),
    )


def _side(size: Any) -> int | None:
    """Return the height, or else the shorter side, that a processor's size asks for."""
    if isinstance(size, int):
        return size
    sides = dict(size or {})
    return next((int(sides[name]) for name in ("height", "shortest_edge") if sides.get(name)), None)


def _left_undone(processor: BaseImageProcessor) -> str:
    """Say in a sentence what a processor does to images that hfkit does not."""
    size = getattr(processor, "size", None)
    sides = dict(size) if size is not None and not isinstance(size, int) else {}
    is_convnext = (
        getattr(processor, "crop_pct", None) is not None
    )  # which cuts below 384 pixels and warps from there on
    undone = []
    if getattr(processor, "do_center_crop", False) or (is_convnext and (_side(size) or 0) < 384):
        undone.append("cuts the centre out of the image")
    elif not is_convnext and sides.get("height") != sides.get("width"):
        undone.append("resizes to a rectangle")
    elif not is_convnext and sides.get("shortest_edge"):
        undone.append("keeps the proportions of the image")
    if getattr(processor, "do_flip_channel_order", False):
        undone.append("turns red, green and blue around")
    if not undone:
        return ""
    return f"The checkpoint's own preprocessing {' and '.join(undone)}, which hfkit does not: it resizes the whole to a square."
