"""Which fields of a model's config change nothing of what its frozen part gives."""

from transformers import PreTrainedConfig

_NOT_OF_THE_STATES = (
    "head_hidden_size",
    "head_layers",
    "head_activation",
    "head_dropout",
    "head_logits",
    "standardised",
    "id2label",
    "label2id",
    # of FDViT's masked training
    "decoder",
    "detach_target",
    "mask_ratio",
    "reconstruction_weight",
)
"""Fields of a config that change nothing in front of the head."""
_BEHIND_A_LAYER = (
    "head",
    "pooling",
    "use_pooler",
    "two_heads",
    "ngram_count",
    "ngram_max",
    "ngram_special_count",
    "answer_threshold",
)
"""Further fields that change nothing in front of a layer of the backbone; a head on several layers reads inside of it."""


def idle_fields(config: PreTrainedConfig, start_layer: str) -> tuple[str, ...]:
    """Name the fields that change nothing of the states, so that a run with other ones finds what was stored.

    Args:
        config: Of the model.
        start_layer: The layer in front of which the states stand, or `classifier`.

    """
    ends_inside = start_layer != "classifier" and config.head != "layers"
    return (*_NOT_OF_THE_STATES, *_BEHIND_A_LAYER) if ends_inside else _NOT_OF_THE_STATES
