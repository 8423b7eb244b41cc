"""The tiny models of the tests can fail them: what they ignore would not be seen."""

from collections.abc import Callable

import pytest
import torch
from tiny import TINY, inputs_for

from hfkit.models.base import BackboneClassifier


@pytest.mark.parametrize("name", [name for name in TINY if not name.endswith("-layers")])
def test_a_tiny_model_tells_its_inputs_apart(name: str, make_model: Callable[[str], BackboneClassifier]) -> None:
    model = make_model(name)
    with torch.no_grad():
        logits = model(**inputs_for(model, 6)).logits
    assert (logits.amax(dim=0) - logits.amin(dim=0)).max() > 1e-3
