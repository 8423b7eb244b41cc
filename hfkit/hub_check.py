"""Look at a model on the Hub before one trusts it: files, formats, code, labels, card; none of its code runs unless asked for."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelCard, hf_hub_download
from PIL import Image

from .errors import UserError
from .hub import hub_errors
from .models import FAMILIES, load_pipeline
from .proof import load_as_stranger

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
SAMPLE_TEXTS = ["", "A text.", "\U0001f637 https://example.org/page?x=1"]


@dataclass(frozen=True)
class Finding:
    """One line of the result: what was looked at, whether it is well, and what was found."""

    what: str
    well: bool
    found: str


def check_repository(repo_id: str, revision: str | None = None, trust_remote_code: bool = False) -> list[Finding]:
    """Look at a model repository.

    Args:
        repo_id: `USER/NAME`.
        revision: Branch, tag or commit; default: main.
        trust_remote_code: Run the repository's code, in a process of its own, to see whether it predicts.

    Raises:
        UserError: The repository is not there, or cannot be reached.

    """
    with hub_errors(repo_id):
        commit = str(HfApi().model_info(repo_id, revision=revision).sha)
        files = HfApi().list_repo_files(repo_id, revision=commit)
        config = _read_json(repo_id, commit, files, "config.json")
        findings = [Finding("commit", True, commit), _check_weights(files), *_check_code(config, files)]
        findings += [_check_labels(config), _check_card(repo_id, commit, files)]
    findings.append(_check_prediction(repo_id, commit, config, trust_remote_code))
    return findings


def _read_json(repo_id: str, commit: str, files: list[str], name: str) -> dict[str, Any]:
    if name not in files:
        return {}
    return dict(json.loads(Path(hf_hub_download(repo_id, name, revision=commit)).read_text(encoding="utf-8")))


def _check_weights(files: list[str]) -> Finding:
    pickles = [name for name in files if name.endswith(PICKLES)]
    weights = [name for name in files if name.endswith(".safetensors")]
    if pickles:
        return Finding("weights", False, f"{', '.join(pickles)}: a pickle, which can run code when it is loaded")
    return Finding("weights", bool(weights), ", ".join(weights) or "no .safetensors file")


def _check_code(config: dict[str, Any], files: list[str]) -> list[Finding]:
    """Say which code `trust_remote_code=True` would run, and whether all that config.json names is there."""
    named = [*config.get("auto_map", {}).values(), *(p["impl"] for p in config.get("custom_pipelines", {}).values())]
    entries = [part for name in named for part in ([name] if isinstance(name, str) else name) if part]
    wanted = sorted({f"{name.rpartition('--')[2].partition('.')[0]}.py" for name in entries})
    elsewhere = sorted({name.partition("--")[0] for name in entries if "--" in name})
    missing = [name for name in wanted if name not in files and not elsewhere]
    code = [name for name in files if name.endswith(".py")]
    if not code and not named:
        return [Finding("code", True, "none: transformers alone runs it")]
    found = f"{', '.join(code) or 'none here'}: with trust_remote_code=True these run on your machine"
    if elsewhere:
        found += f", and code of {', '.join(elsewhere)}"
    findings = [Finding("code", not elsewhere, found)]
    if named:
        lost = f"config.json names {', '.join(missing)}, which are missing" if missing else ", ".join(wanted)
        findings.append(Finding("auto_map", not missing, lost))
    return findings


def _check_labels(config: dict[str, Any]) -> Finding:
    labels = list(config.get("id2label", {}).values())
    if not labels or all(str(label).startswith("LABEL_") for label in labels):
        return Finding("labels", False, "no names of classes in config.json")
    return Finding("labels", True, ", ".join(map(str, labels)))


def _check_card(repo_id: str, commit: str, files: list[str]) -> Finding:
    if "README.md" not in files:
        return Finding("card", False, "none")
    text = Path(hf_hub_download(repo_id, "README.md", revision=commit)).read_text(encoding="utf-8")
    try:
        data = ModelCard(text).data
    except (ValueError, TypeError, KeyError) as error:
        return Finding("card", False, f"its front matter cannot be read ({' '.join(str(error).split())[:100]})")
    lacking = [name for name in ("license", "pipeline_tag") if not data.get(name)]
    results = getattr(data, "eval_results", None) or []
    found = "; ".join(f"{r.dataset_split or r.dataset_name} {r.metric_type} {r.metric_value}" for r in results[:4])
    return Finding("card", not lacking, f"lacks {', '.join(lacking)}" if lacking else found or "no results")


def _check_prediction(repo_id: str, commit: str, config: dict[str, Any], trust_remote_code: bool) -> Finding:
    """Load and predict: with the repository's code if that is allowed, or with hfkit's if the model is one of its own."""
    family = FAMILIES.get(config.get("model_type", ""))
    task = family.task if family else str(_task_of(config))
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder) / "grey.png")
        Image.new("RGB", (64, 48), (128, 128, 128)).save(picture)
        inputs = [picture] if task == "image-classification" else SAMPLE_TEXTS
        try:
            if trust_remote_code:
                labels = load_as_stranger(repo_id, commit, task, inputs)["labels"]
                return Finding("prediction", True, f"its own code loads and predicts {len(labels)} classes")
            if family is None:
                return Finding("prediction", True, "not tried: --trust_remote_code runs the repository's code")
            load_pipeline(repo_id, revision=commit)(inputs)
            return Finding("prediction", True, "hfkit's code loads and predicts; none of the repository's ran")
        except (UserError, OSError, ValueError, RuntimeError, KeyError) as error:
            return Finding("prediction", False, " ".join(str(error).split())[:300])


def _task_of(config: dict[str, Any]) -> str:
    kinds = [*config.get("auto_map", {}), *config.get("architectures", [])]
    return "image-classification" if any("ForImageClassification" in kind for kind in kinds) else "text-classification"
