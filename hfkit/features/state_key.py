"""The name of stored states: a hash of everything that they depend on, and of nothing else."""

import hashlib
import json
from collections.abc import Sequence

import torch
from transformers import PreTrainedConfig

from ..data.augmented import FrozenInputs
from ..frozen_checksums import frozen_checksum
from ..machine import code_checksum, package_versions
from ..models.base import BackboneClassifier

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


def state_key(
    model: BackboneClassifier, start_layer: str, inputs: FrozenInputs, dtypes: Sequence[str], device: str
) -> str:
    """Hash everything that states depend on: weights, code, config, rows, augmented copies, start layer and dtypes.

    Args:
        model: The model, frozen by its plan.
        start_layer: The layer in front of which the states stand, or `classifier`.
        inputs: The rows.
        dtypes: What is computed in, and what is stored.
        device: The kind of device that computes.

    """
    idle = _idle_fields(model.config, start_layer)
    parts = {
        "weights": frozen_checksum(model, without=model.training_parts),
        "code": code_checksum(),
        "versions": package_versions(),
        "config": {key: value for key, value in model.config.to_dict().items() if key not in idle},
        "start_layer": start_layer,
        "inputs": inputs.content(),
        "views": len(inputs.copies),  # by another name what is stored would not be found again
        "dtypes": list(dtypes),
        "device": device,
        "matmul": torch.get_float32_matmul_precision(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _idle_fields(config: PreTrainedConfig, start_layer: str) -> tuple[str, ...]:
    """Name the fields that change nothing of the states, so that a run with other ones finds what was stored."""
    ends_inside = start_layer != "classifier" and config.head != "layers"
    return (*_NOT_OF_THE_STATES, *_BEHIND_A_LAYER) if ends_inside else _NOT_OF_THE_STATES
