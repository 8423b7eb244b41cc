"""The files of a model: weights that can be read without running code, a config that loads, and sums that agree."""

import json
from importlib.util import find_spec
from pathlib import Path

from safetensors import SafetensorError, safe_open
from transformers import AutoConfig

from ..errors import LOADING_ERRORS, UserError, first_sentence
from ..flags.paths import has_checkpoint
from ..hub.check import PICKLES, check_repository
from ..models import FAMILIES
from ..models.checked_loading import check_files
from ..prediction.onnx_folder import GRAPH_FILE, is_onnx_folder, read_settings
from ..prediction.onnx_predictor import OnnxPredictor
from ..run_folders.manifest import MANIFEST_FILE, checksums, read_manifest
from .finding import Finding

_AGAIN = "Train it again (--config with its hfkit.yaml), or copy it again from where it is whole."

_EXPORT_AGAIN = "Export it again by hfkit export MODEL --to onnx, or copy it again from where it is whole."
_INSTALL_ONNX = "Run pip install 'hfkit[onnx]' where the model shall be used by hfkit predict."


def check_model(name: str) -> list[Finding]:
    """Return findings on a model.

    Args:
        name: A folder, or a Hub id, which is looked at as by `hfkit hub check`.

    Raises:
        UserError: It is not on the Hub, or the Hub cannot be reached.

    """
    folder = Path(name).expanduser()
    if is_onnx_folder(folder):
        return [*_check_export(folder), _check_pickles(folder)]
    if folder.is_dir():
        return [_check_weights(folder), _check_pickles(folder), _check_config(folder), _check_sums(folder)]
    return [_from_hub(each.what, each.well, each.detail) for each in check_repository(name)]


def _from_hub(what: str, is_well: bool, detail: str) -> Finding:
    remedy = "" if is_well else "Do not load it before you have looked at its files on the Hub."
    return Finding(f"model: {what}", "ok" if is_well else "error", detail, remedy)


def _check_weights(folder: Path) -> Finding:
    """Read the names of all weights."""
    files = sorted(folder.glob("*.safetensors"))
    tensors = 0
    for file in files:
        try:
            with safe_open(file, "pt") as content:
                tensors += len(content.keys())
        except (SafetensorError, OSError) as error:
            return Finding("model: weights", "error", f"{file.name} is broken ({first_sentence(error)})", _AGAIN)
    if not files:
        return Finding("model: weights", "error", "there is no .safetensors file", _AGAIN)
    return Finding("model: weights", "ok", f"{', '.join(file.name for file in files)}, {tensors:,} tensors")


def _check_export(folder: Path) -> list[Finding]:
    """Compare the files of a model in ONNX with their sums, and load it."""
    try:
        settings = read_settings(folder)
    except UserError as error:
        return [Finding("model: sums", "error", first_sentence(error), _EXPORT_AGAIN)]
    sums = Finding("model: sums", "ok", "all files are what hfkit export wrote")
    if find_spec("onnxruntime") is None:
        return [sums, Finding("model: graph", "warning", "not loaded: there is no onnxruntime", _INSTALL_ONNX)]
    try:
        model = OnnxPredictor.open(folder)
    except UserError as error:
        return [sums, Finding("model: graph", "error", first_sentence(error), _EXPORT_AGAIN)]
    size, labels = (folder / GRAPH_FILE).stat().st_size, ", ".join(model.results.label_names)
    detail = f"{GRAPH_FILE} loads, {size / 1e6:,.1f} MB, {settings['model_type']}, labels {labels}"
    return [sums, Finding("model: graph", "ok", detail)]


def _check_pickles(folder: Path) -> Finding:
    """Look for files that can run code; those of checkpoints are the Trainer's, and are not loaded with a model."""
    pickles = sorted(path.name for path in folder.iterdir() if path.name.lower().endswith(PICKLES))
    if pickles:
        remedy = "Delete them where you do not need them: .safetensors files are enough, and no others are loaded."
        detail = f"{', '.join(pickles)}: a pickle or its like, which can run code when it is loaded"
        return Finding("model: pickles", "warning", detail, remedy)
    return Finding("model: pickles", "ok", "none")


def _check_config(folder: Path) -> Finding:
    """Load the config, without any code of the folder."""
    try:
        content = check_files(str(folder))
        family = FAMILIES.get(str(content.get("model_type")))
        if family is None:
            kind = type(AutoConfig.from_pretrained(folder, trust_remote_code=False)).__name__
            return Finding("model: config", "ok", f"{kind}: no model that hfkit saved, but maybe a backbone")
        config = family.model_class.config_class.from_pretrained(folder)
        labels = ", ".join(config.id2label.values())
    except LOADING_ERRORS as error:
        return Finding("model: config", "error", f"it does not load ({first_sentence(error)})", _AGAIN)
    return Finding("model: config", "ok", f"{config.model_type}, labels {labels}")


def _check_sums(folder: Path) -> Finding:
    """Compare the files with the sums that a run writes last."""
    if not (folder / MANIFEST_FILE).is_file():
        can_go_on = has_checkpoint(folder)
        remedy = (
            f"Let the run finish: --output_dir {folder} --resume_from_checkpoint true."
            if can_go_on
            else "A run that ended has one: train it again. What others saved needs none."
        )
        return Finding("model: sums", "warning", f"no {MANIFEST_FILE}: no finished run of hfkit", remedy)
    try:
        manifest = read_manifest(folder)
    except (OSError, ValueError, RecursionError) as error:
        kind = "it is not JSON" if isinstance(error, json.JSONDecodeError) else first_sentence(error)
        return Finding("model: sums", "error", f"{MANIFEST_FILE} cannot be read ({kind})", _AGAIN)
    inside = [name for name in manifest if not Path(name).is_absolute() and ".." not in Path(name).parts]
    here = [name for name in inside if (folder / name).is_file()]
    sums = checksums(folder, [folder / name for name in here])
    changes = [f"{name} is missing" for name in manifest if name not in here]
    changes += [f"{name} is another one" for name in here if sums[name] != manifest[name]]
    if changes:
        return Finding("model: sums", "error", f"not what its run saved: {'; '.join(changes[:5])}", _AGAIN)
    return Finding("model: sums", "ok", f"all {len(here):,} files are what the run saved")
