"""A saved text classifier under a new head: its encoder, and what of its head goes on."""

import copy
from typing import Any

from ..flags.arguments import TextModelArguments
from ..models import TextClassifier, TextClassifierConfig
from ..models.label_sets import SINGLE_LABEL
from ..models.pooling import default_pooling
from ..notes import Note
from .continuing import TEXTS, continue_from, load_saved_model
from .layers import layer_options
from .pooling import FROM_RUN


def build_on_saved_model(
    source: str, model: TextModelArguments, options: dict[str, Any], pooling_is_given: bool
) -> tuple[TextClassifier, list[Note]] | None:
    """Put a head on the encoder of a saved classifier, with the rows of the classes that both have.

    Args:
        source: Folder or Hub id.
        model: The flags of the new run.
        options: Fields of its classifier's config.
        pooling_is_given: Whether a pooling in `model` was given, and not taken from a saved model or an earlier run.

    Returns:
        The classifier and notes on it; None where `source` is no saved model.

    Raises:
        UserError: It is one of images.
        ValueError: Its weights do not fit, or it has no pooler where one is asked for.

    """
    saved: Any = load_saved_model(source, TEXTS, model.backbone_revision)
    if saved is None:
        return None
    config = saved.config
    notes: list[Note] = []
    if len(options["id2label"]) == 2 and options["problem_type"] == SINGLE_LABEL:
        options["head_logits"] = options["head_logits"] or config.head_logits
    if model.head == "linear":
        pooling, reason = _choose_pooling(saved, model.pooling, pooling_is_given)
        if pooling == "pooler" and getattr(saved.backbone, "pooler", None) is None:
            raise ValueError("it has no pretrained pooler: write mean, first or last")
        options["pooling"] = pooling
        options["standardised"] = config.standardised and config.head == "linear" and pooling == saved.pooling()
        notes.append(Note("pooling", f"Pooling: {pooling} ({reason})."))
    if config.head == "linear":
        config.pooling = saved.pooling()
    backbone_config = copy.deepcopy(config.backbone_config)
    options |= {"use_pooler": config.use_pooler, "final_norm": config.final_norm}
    options |= layer_options(model, source, config)
    new = TextClassifier(TextClassifierConfig(backbone_config=backbone_config, **options))
    own = {"bigru": ("head_hidden_size",), "layers": ("layers", "poolings")}.get(config.head, ("pooling",))
    if config.ngram_count:
        after = "others are fitted after the training" if model.longest_ngram() else "none are fitted, by --ngrams none"
        notes.append(
            Note("ngrams_left", f"Its {config.ngram_count:,} n-grams are left behind: {after}.", on_card=False)
        )
    return new, [
        continue_from(
            new,
            saved,
            str(model.backbone),
            ("head", "problem_type", *own, "cleaning", "max_length", "pair", "long_texts"),
        ),
        *notes,
    ]


def _choose_pooling(saved: Any, named: str | None, is_given: bool) -> tuple[str, str]:
    """Return the pooling for a linear head on a saved classifier's encoder, and the reason."""
    if named is not None and is_given:
        return named, "given"
    own = saved.pooling() if saved.config.head == "linear" else None
    if own is not None and named in (None, own):
        return own, "of the saved model"
    if named is not None:
        return named, FROM_RUN
    return default_pooling(saved.config.backbone_config, has_pooler=False)
