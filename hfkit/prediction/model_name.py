"""A model's name, checked before anything is loaded: a folder that holds one, or a Hub id."""

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..flags.prediction import check_model_path
from ..offline import use_cache_without_hub
from ..run_folders.manifest import check_saved_model
from .onnx_folder import is_onnx_folder


def check_model_name(name: Any) -> str:
    """Return what a model for PyTorch is loaded from, a folder or a Hub id; without the Hub, what is cached is used.

    Raises:
        TypeError: It is no name.
        UserError: There is no such folder, or it holds no model, one in ONNX, one whose files are not those that its run saved,
            or a run that did not finish.

    """
    if not isinstance(name, str | Path):
        raise TypeError(f"The model is {name!r}: give the folder of a run or of a saved model, or a Hub id.")
    check_model_path(str(name))
    folder = Path(name).expanduser()
    if is_onnx_folder(folder):
        raise UserError(
            f"{name} is a model in ONNX, which hfkit predict reads: name the model that it was exported from."
        )
    if folder.is_dir():
        check_saved_model(folder)
        return str(folder)
    use_cache_without_hub()
    return str(name)
