"""What stands in an exported folder beside the graph: settings, tokenizer, and the files of Python that predict with it."""

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import Pipeline
from transformers.image_utils import PILImageResampling

from ..errors import UserError, first_sentence
from ..evaluation.label_kinds import MultiLabel, label_kind
from ..files import write_file
from ..prediction.contents import read_run_columns
from ..prediction.onnx_folder import INTERPOLATIONS, SETTINGS_FILE, TASKS
from ..run_folders.manifest import MANIFEST_FILE, checksums

_PACKAGE = Path(__file__).parent.parent
CODE = {
    TASKS[0]: {
        "scores.py": "prediction/scores.py",
        "cleaning.py": "models/cleaning.py",
        "long_texts.py": "models/long_texts.py",
    },
    TASKS[1]: {
        "scores.py": "prediction/scores.py",
        "pixels.py": "prediction/pixels.py",
        "image_files.py": "data/image_files.py",
    },
}
"""By task: the files beside `predict.py`, and where they are in hfkit."""
_SIBLING = re.compile(r"^(\s*)from \.+(?:\w+\.)*(\w+) import", re.MULTILINE)


def make_settings(pipeline: Pipeline, model: str, revision: str | None) -> dict[str, Any]:
    """Return what `predict.py` has to know of a model.

    Args:
        pipeline: Of the model.
        model: Its name, where the text columns of its run are looked for.
        revision: Branch, tag or commit of a Hub id.

    Raises:
        UserError: Its preprocessing cannot be done without transformers.

    """
    config, kind = pipeline.model.config, label_kind(pipeline.model.config)
    task = TASKS[1] if pipeline.tokenizer is None else TASKS[0]
    settings = {
        "hfkit": version("hfkit"),
        "model_type": config.model_type,
        "task": task,
        "labels": [str(config.id2label[number]) for number in range(config.num_labels)],
        "answer_threshold": config.answer_threshold,
        "label_thresholds": kind.all_thresholds(config.num_labels) if isinstance(kind, MultiLabel) else None,
        "rows_at_once": None,
    }
    if task == TASKS[1]:
        return {**settings, "pixels": _describe_pixels(pipeline.image_processor)}
    tokenizer = pipeline.tokenizer
    return {
        **settings,
        "max_length": config.max_length,
        "cleaning": list(config.cleaning),
        "pair": config.pair,
        "long_texts": config.long_texts,
        "pad_token_id": int(tokenizer.pad_token_id or 0),
        "truncation_side": tokenizer.truncation_side,
        "text_column": read_run_columns(model, revision),
    }


def _describe_pixels(processor: Any) -> dict[str, Any]:
    """Return how images become pixel values.

    Raises:
        UserError: By more than a resize to a size, a scale and a normalisation, or by values that are none.

    """
    try:
        return _read_pixels(processor)
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"The model's image processor has a value that cannot be exported ({first_sentence(error)}): look at its "
            "preprocessor_config.json."
        ) from error


def _read_pixels(processor: Any) -> dict[str, Any]:
    """Return the same of a processor whose values are numbers."""
    size = {name: value for name, value in dict(processor.size).items() if value is not None}
    others = [name for name in ("do_center_crop", "do_pad") if getattr(processor, name, None)]
    steps = all(getattr(processor, name, None) for name in ("do_resize", "do_rescale", "do_normalize"))
    interpolation = PILImageResampling(processor.resample).name.lower()
    if set(size) != {"height", "width"} or others or not steps or interpolation not in INTERPOLATIONS:
        raise UserError(
            f"The model's image processor does more than to resize to height and width by {', '.join(INTERPOLATIONS)}, to scale "
            "and to normalise: such a model cannot be exported."
        )
    if abs(processor.rescale_factor * 255 - 1) > 1e-6:
        raise UserError(
            f"The model's image processor scales by {processor.rescale_factor}, and not by 1/255: write 1/255."
        )
    values = {"mean": list(map(float, processor.image_mean)), "std": list(map(float, processor.image_std))}
    return {"height": int(size["height"]), "width": int(size["width"]), "interpolation": interpolation, **values}


def write_contents(folder: Path, pipeline: Pipeline, task: str) -> None:
    """Write `predict.py` and the files beside it, and of a model of texts `tokenizer.json`.

    Raises:
        UserError: The tokenizer has no such file.

    """
    if pipeline.tokenizer is not None:
        backend = getattr(pipeline.tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise UserError(
                f"The model's tokenizer, a {type(pipeline.tokenizer).__name__}, is written in Python and has no tokenizer.json: "
                "such a model cannot be exported."
            )
        write_file(folder / "tokenizer.json", backend.to_str(pretty=True))
    for name, source in {"predict.py": "prediction/onnx_model.py", **CODE[task]}.items():
        # The files stand side by side there, and are no package.
        text = (_PACKAGE / source).read_text(encoding="utf-8")
        write_file(folder / name, _SIBLING.sub(r"\1from \2 import", text))


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write `export.json`, and the manifest with the SHA-256 of all files."""
    write_file(folder / SETTINGS_FILE, json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST_FILE)
    write_file(folder / MANIFEST_FILE, json.dumps(checksums(folder, files), indent=2) + "\n")
