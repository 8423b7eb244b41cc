"""What flags and data say of a classifier, as fields of its config."""

from typing import Any

from transformers import PreTrainedTokenizerBase

from ..errors import UserError
from ..flags.arguments import ModelArguments, TextDataArguments, TextModelArguments
from ..flags.values import read_label_thresholds
from ..models.cleaning import resolve_steps
from ..models.label_sets import MULTI_LABEL, SINGLE_LABEL
from ..models.long_texts import WINDOWS
from ..notes import Note
from .pairs import pair_options


def label_options(model: ModelArguments, label_names: list[str], is_multi_label: bool) -> dict[str, Any]:
    """Return the names of the labels, and whether a row has any number of them, as fields of a classifier's config.

    Args:
        model: The flags.
        label_names: In the order of the logits.
        is_multi_label: Whether each row has any number of labels.

    Raises:
        UserError: A flag is for another kind of labels, or there are other than one threshold or one for each label.

    """
    names = {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: index for index, name in enumerate(label_names)},
    }
    if not is_multi_label:
        if model.label_thresholds is not None:
            raise UserError(
                "--label_thresholds is for any number of labels a row, and here each row has one: leave it out."
            )
        return {**names, "problem_type": SINGLE_LABEL, "label_thresholds": None}
    if getattr(model, "head_logits", None) is not None:
        raise UserError("--head_logits is for one label a row, and here a row has any number of them: leave it out.")
    thresholds = read_label_thresholds(model.label_thresholds, len(label_names))
    return {**names, "problem_type": MULTI_LABEL, "label_thresholds": thresholds}


def add_pair_options(
    options: dict[str, Any], data: TextDataArguments, tokenizer: PreTrainedTokenizerBase
) -> list[Note]:
    """Add to the fields of a classifier's config how pairs of texts are read, where rows are such, and say so."""
    if not data.reads_pairs():
        return []
    pairs, note = pair_options(tokenizer)
    options |= pairs
    return [note]


def text_options(
    model: TextModelArguments, data: TextDataArguments, label_names: list[str], is_multi_label: bool
) -> dict[str, Any]:
    """Return the fields of a text classifier's config that flags and labels decide; arguments as of `build_text_classifier`.

    Raises:
        UserError: A cleaning is unknown, or the number of logits does not fit.

    """
    try:
        cleaning = resolve_steps(data.cleaning)
    except ValueError as error:
        raise UserError(f"--cleaning: {error}") from error
    labels = label_options(model, label_names, is_multi_label)
    if data.long_texts == WINDOWS and model.head == "bigru":
        raise UserError(
            "--long_texts windows is for a head on one vector, and a BiGRU reads the tokens: write --head linear."
        )
    if model.head_logits is not None and (model.head_logits, len(label_names)) != (1, 2):
        raise UserError(
            f"--head_logits {model.head_logits} with {len(label_names)} labels: write 1 for two labels, or leave it out."
        )
    return {
        "head": model.head,
        "head_hidden_size": model.head_hidden_size,
        "head_dropout": model.head_dropout,
        "head_logits": model.head_logits,
        "cleaning": cleaning,
        "max_length": data.max_length,
        "long_texts": data.long_texts,
        **labels,
    }
