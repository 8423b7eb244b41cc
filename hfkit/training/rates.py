"""Learning rates: those of backbone and head, and a schedule by epochs."""

from collections.abc import Callable
from typing import Any

from ..models.base import BackboneClassifier


def epoch_decay(decay: float, steps_per_epoch: int, floor: float) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: `decay` once more after every epoch, never below `floor`."""
    return lambda step: max(decay ** (step // steps_per_epoch), min(floor, 1.0))


def parameter_groups(
    model: BackboneClassifier, learning_rate: float, head_learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Group the trainable parameters: backbone and head, each with matrices (decayed) and vectors (not decayed).

    Biases and the weights of LayerNorm and BatchNorm are vectors; the Trainer's own rule goes by names and decays most
    BatchNorm weights of a DenseNet.
    """
    groups = []
    for module, rate in ((model.backbone, learning_rate), (model.classifier, head_learning_rate)):
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        for decayed in (True, False):
            parameters = [parameter for parameter in trainable if (parameter.ndim > 1) == decayed]
            if parameters:
                groups.append({"params": parameters, "lr": rate, "weight_decay": weight_decay if decayed else 0.0})
    return groups
