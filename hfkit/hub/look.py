"""What is done with a stranger's model in a process of its own (see `limited_process.py`); none of its code runs."""

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import CONFIG_MAPPING, PreTrainedModel

from ..backbones.text_checks import load_tokenizer
from ..models import FAMILIES, load_pipeline
from ..models.checked_loading import WeightsError, check_files, check_weights, checked_loading
from ..models.encoders import check_reads_texts, load_encoder, random_texts
from ..models.first_forward import check_first_forward
from ..models.refusing import refusing
from ..models.transformers_image import describe_features, load_image_model
from ..models.vision_configs import is_vision_type
from ..prediction.first_prediction import check_first_prediction

Answer = dict[str, str]
_TEXTS = ["", "A text.", "A longer text of several words, without any \U0001f637. " * 20]
_TOKENS = 8
"""Of the texts on which a backbone is tried."""


def look_at_model(folder: str, inputs: list[Any]) -> Answer:
    """Load a model and, where it is one of hfkit's, predict.

    Args:
        folder: With its files.
        inputs: Texts, pairs of texts, or files of images.

    Returns:
        Under `weights`, `prediction` and `note` why it fails, or what was not looked at; what is well is left out.

    """
    try:
        model_type = str(check_files(folder).get("model_type"))
        if model_type not in FAMILIES:
            return _look_at_another(folder, model_type)
        options: dict[str, Any] = {"device": "cpu", "dtype": torch.float32}
        classify = load_pipeline(folder, model_kwargs={"use_safetensors": True}, **options)
        check_first_prediction(classify)
        with refusing("it does not predict", as_they_are=()):
            classify(inputs)
    except WeightsError as error:
        return {"weights": str(error)}
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever a stranger's files may cause
        if "can't allocate memory" in str(error):
            raise
        return {"prediction": str(error) or type(error).__name__}
    return {}


def _look_at_another(folder: str, model_type: str) -> Answer:
    """Load a model of transformers by the class that its configuration names, and compare its weights with it."""
    names = check_files(folder).get("architectures") or []
    model_class = getattr(transformers, str(names[0]), None) if isinstance(names, list) and names else None
    if model_class is None or not _is_plain(model_type, model_class):
        return {"note": "names of tensors not compared: hfkit builds no such model"}
    with checked_loading(folder):
        options = {"use_safetensors": True, "output_loading_info": True, "ignore_mismatched_sizes": True}
        _, loading = model_class.from_pretrained(folder, **options)
    check_weights(loading)  # also those of another shape
    return {}


def _is_plain(model_type: str, model_class: Any) -> bool:
    """Tell whether a class is that of a model of texts or images that reads nothing but its own files."""
    if not (isinstance(model_class, type) and issubclass(model_class, PreTrainedModel)):
        return False
    if model_type not in CONFIG_MAPPING or getattr(model_class, "config_class", None) is not CONFIG_MAPPING[model_type]:
        return False
    try:
        check_reads_texts(CONFIG_MAPPING[model_type])
    except ValueError:
        return is_vision_type(model_type) and not CONFIG_MAPPING[model_type].sub_configs
    return True


def look_at_backbone(folder: str, task: str) -> Answer:
    """Load a backbone for a task, as a training would, run it once, and let its tokenizer read texts.

    Raises:
        ValueError: It is no backbone, its files are refused, or it does not run.

    """
    family = FAMILIES.get(str(check_files(folder).get("model_type")))
    if task == "text-classification":
        tokenizer = load_tokenizer(folder, None)
        with refusing("its tokenizer reads no text", as_they_are=()):
            tokenizer(_TEXTS)
    if family is not None:
        check_first_forward(family.model_class.from_pretrained(folder))
    elif task == "text-classification":
        encoder, _ = load_encoder(str(Path(folder)))
        with refusing("it does not run", as_they_are=()), torch.inference_mode():
            encoder.eval()(**random_texts(encoder.config, _TOKENS))
    else:
        net, is_pooled = load_image_model(str(Path(folder)))
        with refusing("it does not run", as_they_are=()):
            describe_features(net, is_pooled)
    return {}
