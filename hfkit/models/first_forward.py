"""Whether a net runs at all: what a stranger's configuration says is wrong in some fields only then."""

import torch

from .base import BackboneClassifier
from .refusing import refusing


def check_first_forward(model: BackboneClassifier) -> None:
    """Run a model on two random rows.

    Raises:
        ValueError: It does not run.

    """
    with refusing("it does not run", as_they_are=()), torch.inference_mode():
        model.eval()(**model.probe_inputs())
