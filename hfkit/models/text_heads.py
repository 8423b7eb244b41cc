"""The head of a text classifier, and the n-grams beside it, built and described as a `TextClassifierConfig` says."""

from typing import Any

from torch import nn

from .heads import BiGruHead, LayersHead, LinearHead
from .ngrams import NgramScorer
from .pooling import DESCRIPTIONS
from .text_layers import count_layers


def head_width(config: Any) -> int:
    """Return how many features the head stands on, of each token for a BiGRU."""
    width = config.backbone_config.hidden_size
    return width * len(config.layers) * len(config.poolings) if config.head == "layers" else width


def build_head(config: Any) -> nn.Module:
    """Build the head that the config describes."""
    width, num_logits = head_width(config), config.head_logits or config.num_labels
    if config.head == "bigru":
        return BiGruHead(width, num_logits, config.head_hidden_size, config.head_dropout)
    if config.head == "linear" and not config.standardised:
        return LinearHead(width, num_logits, config.head_dropout)
    return LayersHead(width, num_logits, config.head_dropout, config.standardised)


def build_ngrams(config: Any) -> NgramScorer | None:
    """Build the empty scorer of n-grams that the config describes; None where it has none."""
    num_logits = config.head_logits or config.num_labels
    sizes = (config.ngram_count, num_logits, config.ngram_max, config.ngram_special_count)
    return NgramScorer(*sizes) if config.ngram_count else None


def describe_head(config: Any, pooling: str, ngrams: NgramScorer | None) -> str:
    """Say in one sentence what the head is and what it stands on.

    Args:
        config: Of the classifier, a `TextClassifierConfig`.
        pooling: What a linear head stands on.
        ngrams: What scores n-grams beside the head, if anything does.

    """
    kind = "one linear layer"
    if config.head == "bigru":
        kind = f"a BiGRU of {config.head_hidden_size} units over all tokens"
    on = f" on {DESCRIPTIONS[pooling]}" if config.head == "linear" else ""
    if config.head == "layers":
        layers, ways = ", ".join(map(str, config.layers)), " and ".join(config.poolings)
        total = count_layers(config.backbone_config)
        on = f" on {head_width(config):,} features, {ways} of the hidden states {layers} (the last layer is {total})"
    logits = "one sigmoid logit" if config.head_logits == 1 else f"{config.num_labels} logits"
    beside = f", beside it {ngrams.describe()}" if ngrams is not None else ""
    return f"Head: {kind}{on}, dropout {config.head_dropout:g}, {logits}{beside}."
