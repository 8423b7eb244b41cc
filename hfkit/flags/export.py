"""The command line of an export: refusals that need no model; nothing here imports torch."""

from importlib.util import find_spec
from pathlib import Path

from ..errors import UserError
from .paths import check_can_be_written, check_dataset_path, expand
from .prediction import check_model_path

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_export_early(model: str, int8: bool, data: str | None, output_dir: Path | None) -> Path:
    """Refuse what the command line alone makes impossible, and return the new folder.

    Args:
        model: Folder of a run or of a saved model, or a Hub id.
        int8: Whether the weights are stored in 8 bits.
        data: Labelled rows that tell what that costs.
        output_dir: The new folder; None: beside the model, or in `runs` for a Hub id.

    Raises:
        UserError: As above, or a package is not installed.

    """
    check_model_path(model)
    if data is not None:
        if not int8:
            raise UserError("--data measures what --int8 costs: add --int8, or leave --data out.")
        check_dataset_path(data)
    folder = _default_folder(model, int8) if output_dir is None else expand(output_dir)
    check_can_be_written(folder.parent, "--output_dir", folder)
    if folder.exists():
        raise UserError(f"{folder} is there already: name another --output_dir, or remove it.")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f"An export to ONNX needs {', '.join(missing)}: run pip install 'hfkit[onnx]'.")
    return folder


def _default_folder(model: str, int8: bool) -> Path:
    path, kind = Path(model).expanduser(), "onnx-int8" if int8 else "onnx"
    if path.is_dir():
        return path.resolve().with_name(f"{path.resolve().name}-{kind}")
    return Path("runs") / f"{model.rpartition('/')[2]}-{kind}"
