"""From the name of a backbone to a classifier on top of it, with errors that say what to write."""

import pickle

import torch
from safetensors import SafetensorError
from transformers import CONFIG_MAPPING, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.utils import logging

from ..errors import UserError, first_sentence
from ..flags.arguments import TextDataArguments, TextModelArguments
from ..models import code_of
from ..models.cleaning import resolve_steps
from ..models.text import TextClassifier
from .packaged import locate_backbone

# What transformers raises for files that are missing, broken, of another model, or want a package that is not there.
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError, pickle.UnpicklingError)


def build_text_classifier(
    model: TextModelArguments, data: TextDataArguments, label_names: list[str]
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
        _check_code(source, model)
        tokenizer = AutoTokenizer.from_pretrained(
            source, revision=model.backbone_revision or "main", trust_remote_code=False
        )
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
    except torch.OutOfMemoryError:
        raise
    except LOADING_ERRORS as error:
        raise UserError(
            f"The backbone {model.backbone} cannot be loaded ({first_sentence(error)}): check the name and the network, "
            "or write --backbone minilm (offline, from the demo extra) or a folder."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    _check_tokenizer(classifier, tokenizer, model.backbone)
    _check_max_length(classifier, tokenizer, data.max_length)
    classifier.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.model_max_length = data.max_length
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    return classifier, tokenizer


def _check_code(source: str, model: TextModelArguments) -> None:
    """Refuse an encoder that only code of its own can run, and say which code that is.

    Raises:
        UserError: It is of no type that transformers knows.

    """
    config, _ = PreTrainedConfig.get_config_dict(source, revision=model.backbone_revision)
    named = code_of(config)
    if named and config.get("model_type") not in CONFIG_MAPPING:
        files = ", ".join(named)
        raise UserError(
            f"The backbone {model.backbone} is no model of transformers: {files} of its author would run on this machine, and "
            "hfkit runs no code of others; choose an encoder such as bert-base-uncased."
        )


def _check_tokenizer(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, backbone: str) -> None:
    """Refuse a tokenizer that is none (transformers makes an empty one where the files are missing), or another's."""
    words, rows = len(tokenizer), classifier.config.backbone_config.vocab_size
    if words <= len(set(tokenizer.all_special_ids)):
        raise UserError(
            f"The backbone {backbone} has no tokenizer: its folder needs tokenizer.json, vocab.txt or the like; copy them "
            "from where the weights come from."
        )
    if words > rows:
        raise UserError(
            f"The tokenizer of {backbone} has {words} words, but the encoder knows {rows}: they do not belong together."
        )
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"The tokenizer of {backbone} has no padding token: choose an encoder such as bert-base-uncased."
        )


def _check_max_length(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """Refuse a `max_length` that the encoder has no positions for."""
    positions = getattr(classifier.config.backbone_config, "max_position_embeddings", None) or max_length
    positions = min(positions, tokenizer.model_max_length) if positions > 0 else max_length
    if max_length > positions:
        raise UserError(f"--max_length {max_length} is more than the {positions} positions of the backbone; lower it.")
    # Some count otherwise: RoBERTa's positions begin after the padding id, which only running it tells for sure.
    longest = torch.full((1, max_length), len(tokenizer) - 1)
    try:
        with torch.inference_mode():
            classifier.eval()(longest)
    except (IndexError, RuntimeError) as error:
        raise UserError(
            f"--max_length {max_length} is more than the backbone takes ({first_sentence(error)}); lower it."
        ) from error
    finally:
        classifier.train()
