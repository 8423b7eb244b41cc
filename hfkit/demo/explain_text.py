"""Which words of a text speak for its label: integrated gradients over the word embeddings, by captum."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import torch
from captum.attr import LayerIntegratedGradients
from torch import nn
from transformers import Pipeline

from ..models.base import BackboneClassifier
from ..models.cleaning import clean
from ..models.long_texts import CUT, choose_tokens
from .explanation import Explanation, describe_choice, log_odds, predicted_label

STEPS = 32
"""Points on the way from padding tokens to the text."""
_ROWS_AT_ONCE = 8
_NAMED = 3
_WORD = re.compile(r"\w+|[^\w\s]+")
_LONGEST_WORD = 30
"""Letters; what is longer is a text without spaces."""

Span = tuple[int, int, float]
"""Start and end of a word in the text, and its value."""


def explain_text(pipeline: Pipeline, text: str) -> Explanation:
    """Tell which words of a text raise or lower the log-odds of the label that the model gives it.

    Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) from a text of padding tokens, whose special tokens
    are those of the text; the values of a word's tokens are added up. They sum to what the text changes in the log-odds.
    """
    model, tokenizer = pipeline.model, pipeline.tokenizer
    cleaned = clean(text, model.config.cleaning)
    reads_tails = model.config.long_texts != CUT
    encoded = tokenizer(
        cleaned,
        truncation=not reads_tails,
        max_length=None if reads_tails else model.config.max_length,
        return_special_tokens_mask=True,
        return_offsets_mapping=tokenizer.is_fast,
        verbose=False,
    )
    if reads_tails:
        chosen = choose_tokens(encoded["special_tokens_mask"], model.config.max_length, model.config.long_texts)
        if len(chosen) > model.config.max_length:
            return Explanation("The model reads the text in several windows: of a text of one window it is explained.")
        encoded = {name: [values[place] for place in chosen] for name, values in encoded.items()}
    if not encoded["input_ids"]:
        return Explanation("The text has no tokens.")
    name, values = attribute_tokens(model, encoded, tokenizer.pad_token_id or 0)
    if tokenizer.is_fast:
        spans = join_words(cleaned, encoded["offset_mapping"], encoded["special_tokens_mask"], values)
    else:  # written in Python, it does not say where a token stands
        cleaned, spans = _join_tokens(tokenizer.convert_ids_to_tokens(encoded["input_ids"]), values)
    return Explanation(_describe(name, cleaned, spans, model), _cut(cleaned, spans))


def attribute_tokens(model: BackboneClassifier, encoded: Any, padding: int) -> tuple[str, list[float]]:
    """Return the label that a model gives a text, and the value of each token.

    Args:
        model: A text classifier.
        encoded: `input_ids`, `attention_mask` and `special_tokens_mask` of the text, each a list.
        padding: Id of the padding token.

    Raises:
        NotImplementedError: It has no table of word embeddings.

    """
    ids, mask, special = (
        torch.tensor([encoded[name]], device=model.device)
        for name in ("input_ids", "attention_mask", "special_tokens_mask")
    )
    logits, embeddings = _run_with_embeddings(model, ids, mask)
    label_id, name = predicted_label(model, logits)

    def forward(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the log-odds of the label, (batch,)."""
        return log_odds(model, model(input_ids=input_ids, attention_mask=attention_mask).logits, label_id)

    baseline = torch.where(special.bool(), ids, padding)
    with torch.backends.cudnn.flags(enabled=False):  # which has no gradients of a GRU outside of training
        values = LayerIntegratedGradients(forward, embeddings).attribute(
            ids,
            baselines=baseline,
            additional_forward_args=(mask,),
            n_steps=STEPS,
            internal_batch_size=_ROWS_AT_ONCE,
        )
    return name, values.sum(dim=-1)[0].tolist()


def _run_with_embeddings(
    model: BackboneClassifier, ids: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, nn.Embedding]:
    """Return the logits (1, labels) of token ids (1, tokens), and the table of embeddings that reads these very ids.

    Some models, as T5, have several modules of one table, of which one runs.

    Raises:
        NotImplementedError: There is none.

    """
    tables: list[nn.Embedding] = []

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Note a module that is called with the ids."""
        if isinstance(module, nn.Embedding) and inputs and torch.equal(inputs[0], ids):
            tables.append(module)

    modules = [module for module in model.backbone.modules() if isinstance(module, nn.Embedding)]
    hooks = [module.register_forward_pre_hook(note) for module in modules]
    try:
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=mask).logits
    finally:
        for hook in hooks:
            hook.remove()
    if not tables:
        raise NotImplementedError("it has no table of word embeddings")
    return logits, tables[0]


def join_words(
    text: str, offsets: Sequence[tuple[int, int]], special: Sequence[int], values: Sequence[float]
) -> list[Span]:
    """Add up the values of the tokens of each word.

    Where words end is told by the text: to some tokenizers, as Llama's, a whole text is one word. In a script without spaces
    each token stands for itself.

    Args:
        text: That was tokenised.
        offsets: Start and end of each token in it.
        special: 1 for tokens that are none of the text's.
        values: Of the tokens.

    """
    words = [(*match.span(), match[0]) for match in _WORD.finditer(text)]
    ends = [end for _, end, _ in words]
    spans: dict[int, Span] = {}  # by where the word begins, or a token that stands for itself
    for (start, end), is_special, value in zip(offsets, special, values, strict=True):
        start += len(text[start:end]) - len(text[start:end].lstrip())  # a space may belong to the token behind it
        if is_special or end <= start:
            continue
        place = bisect_right(ends, start)
        begin, _, word = words[place] if place < len(words) else (start, end, "")
        key = start if len(word) > _LONGEST_WORD or begin > start else begin
        first, last, total = spans.get(key, (start, end, 0.0))
        spans[key] = (min(first, start), max(last, end), total + value)
    return sorted(spans.values())


def _join_tokens(tokens: list[str], values: list[float]) -> tuple[str, list[Span]]:
    """Return the tokens with spaces in between, and where each of them stands."""
    spans: list[Span] = []
    start = 0
    for token, value in zip(tokens, values, strict=True):
        spans.append((start, start + len(token), value))
        start += len(token) + 1
    return " ".join(tokens), spans


def _cut(text: str, spans: list[Span]) -> list[tuple[str, float | None]]:
    """Return a text in pieces, with values in parts of the largest one; what is in no span has none."""
    largest = max((abs(value) for *_, value in spans), default=0.0) or 1.0
    pieces: list[tuple[str, float | None]] = []
    done = 0
    for start, end, value in spans:
        pieces += [(text[done:start], None)] if start > done else []
        pieces += [(text[max(start, done) : end], value / largest)] if end > done else []
        done = max(done, end)
    return [*pieces, (text[done:], None)] if done < len(text) else pieces


def _describe(name: str, text: str, spans: list[Span], model: BackboneClassifier) -> str:
    """Say what is explained, name the words of the largest values, and say what is left out."""
    ordered = sorted(spans, key=lambda span: span[2])
    lowest = [span for span in ordered[:_NAMED] if span[2] < 0]
    highest = [span for span in ordered[::-1][:_NAMED] if span[2] > 0]
    lines = [
        f"Words that raise the log-odds of {name} are red, those that lower them purple. {describe_choice(model)}".strip()
    ]
    for title, chosen in (("For it", highest), ("Against it", lowest)):
        if chosen:
            named = ", ".join(f"{text[start:end].strip()} ({value:+.2f})" for start, end, value in chosen)
            lines.append(f"{title}: {named}.")
    if getattr(model, "ngrams", None) is not None:
        lines.append("What the n-grams add to the logits is left out: it does not come from the embeddings.")
    return "\n".join(lines)
