"""From a model of PyTorch to a graph of ONNX, whose numbers of rows and tokens stay free."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from ..models.base import BackboneClassifier
from ..prediction.onnx_folder import GRAPH_FILE
from .onnx_modules import make_exportable

_ROWS = 7
_TOKENS = 11
"""Of the batch that is traced: numbers that are the width of nothing."""


class _Logits(nn.Module):
    """A classifier that returns its logits alone, for tensors in the order of their names."""

    def __init__(self, model: BackboneClassifier, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(self.names, inputs, strict=True))).logits


def make_inputs(model: BackboneClassifier, rows: int, tokens: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return a batch of random images, or of random texts of different length, padded on the right.

    Args:
        model: The classifier.
        rows: Of the batch.
        tokens: Of its longest text.
        seed: Of the random numbers.

    """
    generator = torch.Generator().manual_seed(seed)
    if model.main_input_name == "pixel_values":
        size = model.config.image_size
        return {"pixel_values": torch.randn(rows, 3, size, size, generator=generator)}
    config = model.config.backbone_config
    pad = config.pad_token_id or 0
    vocabulary = getattr(config, "vocab_size", 256)  # CANINE reads characters
    ids = torch.randint(0, vocabulary, (rows, tokens), generator=generator)
    ids[ids == pad] = (pad + 1) % vocabulary
    lengths = torch.arange(tokens, tokens - rows, -1).clamp(min=1)
    mask = (torch.arange(tokens)[None] < lengths[:, None]).long()
    return {"input_ids": torch.where(mask.bool(), ids, pad), "attention_mask": mask}


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what libraries log below the level of an error, such as that a graph could be prepared."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def measure_graph(folder: Path) -> int:
    """Return the bytes of the graph with its weights."""
    return sum(path.stat().st_size for path in folder.glob("model.*") if path.is_file())


def write_graph(model: BackboneClassifier, folder: Path) -> int:
    """Export a model, which is on the CPU in float32, to `model.onnx` in a folder, and return its bytes.

    Its inputs are those of `forward` (`input_ids` and `attention_mask`, or `pixel_values`), its output is `logits`.

    Raises:
        torch.onnx.OnnxExporterError: The model cannot be exported.

    """
    inputs = make_inputs(model, _ROWS, min(_TOKENS, getattr(model.config, "max_length", _TOKENS)))
    free = {0: "rows"} if "pixel_values" in inputs else {0: "rows", 1: "tokens"}
    module = _Logits(make_exportable(model), list(inputs)).eval()
    with torch.no_grad(), quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecations inside of the exporter
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes=(tuple(free for _ in inputs),),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(folder / GRAPH_FILE)
    return measure_graph(folder)
