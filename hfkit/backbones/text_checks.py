"""What an encoder and its tokenizer must be to belong together."""

from bisect import bisect_left
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoTokenizer, PreTrainedTokenizerBase

from ..errors import FORWARD_ERRORS, UserError, first_sentence
from ..flags.arguments import MIN_LENGTH, TextModelArguments
from ..models import FAMILIES, TextClassifier, list_code
from ..models.checked_loading import check_files
from ..models.config_checks import pin_revision
from ..models.encoders import read_encoder_config
from ..models.refusing import refusing
from ..notes import Note


def check_code(source: str, model: TextModelArguments) -> None:
    """Refuse an encoder that only code of its own can run, and say which code that is.

    Raises:
        UserError: It is of no type that transformers knows.

    """
    config = check_files(source, revision=model.backbone_revision)
    named = list_code(config)
    if named and config.get("model_type") not in CONFIG_MAPPING:
        files = ", ".join(named)
        raise UserError(
            f"The backbone {model.backbone} is no model of transformers: {files} of its author would run on this machine, and "
            "hfkit runs no code of others; choose an encoder such as bert-base-uncased."
        )
    if config.get("model_type") not in FAMILIES:
        read_encoder_config(source, model.backbone_revision)  # refuses what is none before its tokenizer is looked for


def load_tokenizer(source: str, revision: str | None) -> Any:
    """Load the tokenizer of an encoder, without what its author's code and templates of chats would have been.

    A saved model would hand the code on to whoever loads it with `trust_remote_code=True`, our own proof among them; templates
    can have names that end a run when it is saved, and no classifier reads one.

    Raises:
        OSError: It is not there, or has no config.json beside it.
        ValueError: It cannot be read, or its files are refused.

    """
    revision = pin_revision(source, revision)
    with refusing("its tokenizer cannot be loaded"):
        check_files(source, revision=revision)
        tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
    tokenizer.init_kwargs.pop("auto_map", None)
    tokenizer.chat_template = None
    return tokenizer


def check_tokenizer(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, backbone: str) -> list[Note]:
    """Refuse a tokenizer that is none (transformers makes an empty one where the files are missing), or another's.

    One without a padding token pads with its end token, which a note says: the attention mask tells them apart.
    """
    words, rows = len(tokenizer), _vocabulary(classifier, tokenizer)
    if words <= len(set(tokenizer.all_special_ids)):
        raise UserError(
            f"The backbone {backbone} has no tokenizer: its folder needs tokenizer.json, vocab.txt or the like; copy them "
            "from where the weights come from."
        )
    if words > rows:
        raise UserError(
            f"The tokenizer of {backbone} has {words} words, but the encoder knows {rows}: they do not belong together."
        )
    if tokenizer.pad_token_id is not None:
        return []
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"The tokenizer of {backbone} has no padding token: choose an encoder such as bert-base-uncased."
        )
    tokenizer.pad_token = tokenizer.eos_token
    return [
        Note("padding", f"The tokenizer has no padding token: its end token, {tokenizer.eos_token}, fills rows up.")
    ]


def _vocabulary(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many token ids the encoder knows; CANINE, which reads characters, knows all of its tokenizer."""
    return int(getattr(classifier.config.backbone_config, "vocab_size", None) or len(tokenizer))


def check_runs(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, model: TextModelArguments) -> None:
    """Refuse an encoder that does not run under its head, such as one that calls a pooler that a BiGRU leaves out.

    Raises:
        UserError: It does not run; the sentence says why.

    """
    ids = torch.full((1, 2), min(len(tokenizer), _vocabulary(classifier, tokenizer)) - 1)
    try:
        with torch.inference_mode():
            classifier.eval()(ids)
    except FORWARD_ERRORS as error:
        raise UserError(
            f"The backbone {model.backbone} does not run under --head {model.head} ({first_sentence(error)}): choose another "
            "--backbone or --head."
        ) from error
    finally:
        classifier.train()


def fit_max_length(
    classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, max_length: int, is_given: bool
) -> tuple[int, list[Note]]:
    """Refuse a `max_length` that the encoder has no positions for; where it was not given, lower it to what it has, and say so.

    Args:
        classifier: On top of the encoder.
        tokenizer: Of the encoder.
        max_length: Tokens after which a text is cut.
        is_given: Whether the user wrote it.

    Returns:
        The length, and a note where it is another.

    Raises:
        UserError: It was given, or the encoder does not run on three tokens.

    """
    try:
        _check_max_length(classifier, tokenizer, max_length)
    except UserError:
        longest = None if is_given else _find_longest(classifier, tokenizer, max_length)
        if longest is None:
            raise
        text = f"Texts are cut at {longest} tokens, and not at {max_length} as by default: the backbone takes no more."
        return longest, [Note("max_length", text)]
    return max_length, []


def _find_longest(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, too_long: int) -> int | None:
    """Return the most tokens below `too_long` that the encoder takes, or None where it takes none of a sensible text."""
    lengths = range(MIN_LENGTH, too_long)
    taken = bisect_left(lengths, True, key=lambda length: not _takes(classifier, tokenizer, length))
    return lengths[taken - 1] if taken else None


def _takes(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, max_length: int) -> bool:
    """Tell whether the encoder takes texts of so many tokens."""
    try:
        _check_max_length(classifier, tokenizer, max_length)
    except UserError:
        return False
    return True


def _check_max_length(classifier: TextClassifier, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """Refuse a `max_length` that the encoder has no positions for."""
    positions = getattr(classifier.config.backbone_config, "max_position_embeddings", None) or max_length
    positions = min(positions, tokenizer.model_max_length) if positions > 0 else max_length
    if max_length > positions:
        raise UserError(f"--max_length {max_length} is more than the {positions} positions of the backbone; lower it.")
    # Some count otherwise: RoBERTa's positions begin after the padding id, which only running it tells for sure.
    rows = min(len(tokenizer), _vocabulary(classifier, tokenizer))
    longest = torch.full((1, max_length), rows - 1)
    try:
        with torch.inference_mode():
            classifier.eval()(longest)
    except FORWARD_ERRORS as error:
        raise UserError(
            f"--max_length {max_length} is more than the backbone takes ({first_sentence(error)}); lower it."
        ) from error
    finally:
        classifier.train()
