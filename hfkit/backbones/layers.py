"""Which layers a head of several layers reads, of what `--layers` and `--pooling` say, and which of a backbone are dropped."""

from typing import Any

from ..errors import UserError
from ..flags.arguments import TextModelArguments
from ..flags.values import read_layers
from ..models.base import BackboneClassifier
from ..models.encoders import read_encoder_config
from ..models.text_layers import complete_layers
from ..notes import Note


def layer_options(model: TextModelArguments, source: str, saved: Any = None) -> dict[str, Any]:
    """Return the fields of a text classifier's config for `--head layers`; none for another head.

    Args:
        model: The flags.
        source: Folder or Hub id of the encoder.
        saved: Configuration of the saved classifier that the run continues from; what is not given is as in it.

    Raises:
        UserError: The encoder has no such layer.

    """
    if model.head != "layers":
        return {}
    encoder = read_encoder_config(source, model.backbone_revision) if saved is None else saved.backbone_config
    named = read_layers(model.layers)
    numbers = None if named is None else [int(layer) for layer in named]
    poolings = [model.pooling] if model.pooling else None
    if saved is not None and saved.head == "layers" and poolings is None:
        poolings = saved.poolings
    try:
        layers, ways = complete_layers(encoder, numbers, poolings)
    except ValueError as error:
        raise UserError(f"--layers, of {model.backbone}: {error}; or leave --layers out for all.") from error
    is_same = saved is not None and (saved.layers, saved.poolings) == (layers, ways)
    return {"layers": layers, "poolings": ways, "standardised": is_same and saved.standardised}


def drop_layers(classifier: BackboneClassifier) -> list[Note]:
    """Remove the layers of a backbone that its head does not use, and say which."""
    report = classifier.drop_unused_layers()
    return [Note("layers", report.sentence())] if report is not None else []
