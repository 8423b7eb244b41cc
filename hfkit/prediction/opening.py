"""From a model's name to what predicts: a folder in ONNX without importing PyTorch, anything else by its pipeline."""

from pathlib import Path

from .onnx_folder import is_onnx_folder
from .predictor import Predictor


def open_predictor(name: str, revision: str | None = None, batch_size: int | None = None) -> Predictor:
    """Open a run, a saved model, a Hub id, or a folder that `hfkit export` wrote.

    Args:
        name: Of the model.
        revision: Branch, tag or commit of a Hub id.
        batch_size: Rows of a batch; None: by the device.

    Raises:
        UserError: There is no such model, it is not one of hfkit's, or it cannot be loaded.

    """
    folder = Path(name).expanduser()
    if is_onnx_folder(folder):
        from .onnx_predictor import OnnxPredictor

        return OnnxPredictor.open(folder, batch_size)
    from .loading import PipelinePredictor

    return PipelinePredictor.open(name, revision, batch_size)
