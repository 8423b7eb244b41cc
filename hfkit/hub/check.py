"""Look at a model on the Hub before one trusts it: files, formats, code, labels, card; none of its code runs unless asked for."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelCard, snapshot_download
from PIL import Image

from ..connection import ask, find_passing_fault, redact, retry
from ..errors import UserError
from ..models import FAMILIES, list_code, load_pipeline
from ..visible import visible
from .client import hub_errors, look_up, read_file
from .proof import load_in_clean_process

PICKLES = tuple(".bin .pt .pth .pt2 .pkl .pickle .dill .ckpt .joblib .npy .npz .h5 .keras".split())
"""Formats that can run code when they are loaded."""
CONFIGS = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
"""Files whose `auto_map` names code."""
LARGEST_TEXT = 5_000_000
"""Bytes of a configuration or card; a larger one is not read."""
SAMPLE_TEXTS = ["", "A text.", "\U0001f637 https://example.org/page?x=1"]


@dataclass(frozen=True)
class Finding:
    """One line of the result: what was looked at, whether it is well, and the details, with what would steer a terminal shown."""

    what: str
    well: bool
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", visible(" ".join(self.detail.split())))


@dataclass(frozen=True)
class Repository:
    """A model repository at one commit: its files, and its JSON files of configuration."""

    name: str
    commit: str
    files: list[str]
    configs: dict[str, dict[str, Any]]

    @property
    def config(self) -> dict[str, Any]:
        """The model's own configuration."""
        return self.configs.get("config.json", {})


def check_repository(repo_id: str, revision: str | None = None, trust_remote_code: bool = False) -> list[Finding]:
    """Look at a model repository.

    Args:
        repo_id: `USER/NAME`.
        revision: Branch, tag or commit; default: main.
        trust_remote_code: Run the repository's code, in a process of its own without the token, to see whether it predicts.

    Raises:
        UserError: The repository is not there, or cannot be reached.

    """
    with hub_errors(repo_id):
        commit, information = look_up(repo_id, revision, files_metadata=True)
        sizes = {str(file.rfilename): int(file.size or 0) for file in information.siblings or []}
        wanted = [name for name in (*CONFIGS, "README.md") if name in sizes]
        large = [name for name in wanted if sizes[name] > LARGEST_TEXT]
        texts = {name: read_file(repo_id, name, commit, "replace") for name in wanted if name not in large}
    configs, broken = _parse({name: text for name, text in texts.items() if name != "README.md"})
    broken += [Finding(name, False, f"it has {sizes[name] / 1e6:,.0f} MB and was not read") for name in large]
    repository = Repository(repo_id, commit, list(sizes), configs)
    with hub_errors(repo_id):
        weights = _guarded("weights", lambda: _check_weights(repository))
        is_readable = weights.well and not broken
        return [
            Finding("commit", True, commit),
            *broken,
            weights,
            _guarded("code", lambda: _check_code(repository)),
            _guarded("auto_map", lambda: _check_auto_map(repository)),
            _guarded("labels", lambda: _check_labels(repository.config)),
            _guarded("card", lambda: _check_card(texts.get("README.md"))),
            _guarded("prediction", lambda: _check_prediction(repository, trust_remote_code, is_readable)),
        ]


def _parse(texts: dict[str, str]) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """Read JSON files; those that are none are findings."""
    configs, broken = {}, []
    for name, text in texts.items():
        try:
            configs[name] = dict(json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            broken.append(Finding(name, False, f"it is no JSON object ({redact(error)})"))
    return configs, broken


def _guarded(what: str, check: Callable[[], Finding]) -> Finding:
    """Run a check; a repository that is made to break it gets a finding, not a crash, and a Hub that fails is no finding."""
    try:
        return check()
    except Exception as error:  # whatever a stranger's files may cause
        fault = find_passing_fault(error)
        if fault is not None:
            raise fault from error
        return Finding(what, False, f"it cannot be checked ({redact(error)})")


def _check_weights(repository: Repository) -> Finding:
    pickles = [name for name in repository.files if name.lower().endswith(PICKLES)]
    weights = [name for name in repository.files if name.endswith(".safetensors")]
    if pickles:
        return Finding(
            "weights", False, f"{', '.join(pickles)}: a pickle or its like, which can run code when it is loaded"
        )
    for name in weights:  # the header alone: a file is not what its name says
        _read_header(repository, name)
    return Finding("weights", bool(weights), ", ".join(weights) or "no .safetensors file")


def _read_header(repository: Repository, name: str) -> None:
    """Read the header of a file of weights; it is refused where it is none."""
    ask(lambda: HfApi().parse_safetensors_file_metadata(repository.name, name, revision=repository.commit))


def _code_names(repository: Repository) -> list[str]:
    """Return what the configurations name as code, such as `text.TextClassifier` or `other/repository--text.Model`."""
    return sorted({name for config in repository.configs.values() for name in list_code(config)})


def _check_code(repository: Repository) -> Finding:
    """Say which code `trust_remote_code=True` would run."""
    code = [name for name in repository.files if name.endswith(".py")]
    named = _code_names(repository)
    elsewhere = sorted({name.partition("--")[0] for name in named if "--" in name})
    if not code and not named:
        return Finding("code", True, "none: transformers alone runs it")
    summary = f"{', '.join(code) or 'none here'}: with trust_remote_code=True these run on your machine"
    if elsewhere:
        summary += f", and code of {', '.join(elsewhere)}"
    return Finding("code", not elsewhere, summary)


def _check_auto_map(repository: Repository) -> Finding:
    """Look whether all code that is named is there."""
    here = {f"{name.partition('.')[0]}.py" for name in _code_names(repository) if "--" not in name}
    missing = sorted(here - set(repository.files))
    if missing:
        return Finding("auto_map", False, f"{', '.join(missing)} are named, and missing")
    return Finding("auto_map", True, ", ".join(sorted(here)) or "names no code of this repository")


def _check_labels(config: dict[str, Any]) -> Finding:
    labels = [str(label) for label in dict(config.get("id2label") or {}).values()]
    if not labels or all(label.startswith("LABEL_") for label in labels):
        return Finding("labels", False, "no names of classes in config.json")
    return Finding("labels", True, ", ".join(labels))


def _check_card(text: str | None) -> Finding:
    if text is None:
        return Finding("card", False, "none")
    data = ModelCard(text).data
    lacking = [name for name in ("license", "pipeline_tag") if not data.get(name)]
    results = getattr(data, "eval_results", None) or []
    scores = "; ".join(
        f"{_short(r.dataset_split or r.dataset_name)} {_short(r.metric_type)} {_short(r.metric_value)}"
        for r in results[:4]
    )
    return Finding("card", not lacking, f"lacks {', '.join(lacking)}" if lacking else scores or "no results")


def _short(value: Any) -> str:
    """Return a word of a card, whatever a stranger put in its place."""
    return str(value)[:50] if isinstance(value, str | int | float) else "?"


def _check_prediction(repository: Repository, trust_remote_code: bool, readable: bool) -> Finding:
    """Load and predict: with the repository's code if that is allowed, or with hfkit's if the model is one of its own."""
    family = FAMILIES.get(str(repository.config.get("model_type")))
    task = family.task if family else _guess_task(repository.config)
    if family is None and not trust_remote_code:
        return Finding("prediction", True, "not tried: --trust_remote_code runs the repository's code")
    if not readable:
        return Finding("prediction", False, "not tried, for what is found above")
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder) / "grey.png")
        Image.new("RGB", (64, 48), (128, 128, 128)).save(picture)
        inputs: list[Any] = [picture] if task == "image-classification" else list(SAMPLE_TEXTS)
        if repository.config.get("pair", "join") != "join":
            inputs = [{"text": text, "text_pair": text} for text in SAMPLE_TEXTS]
        if not trust_remote_code:
            safe = {"use_safetensors": True}
            classify = retry(lambda: load_pipeline(repository.name, revision=repository.commit, model_kwargs=safe))
            classify(inputs)
            return Finding("prediction", True, "hfkit's code loads and predicts; none of the repository's ran")
        whole = ask(lambda: snapshot_download(repository.name, revision=repository.commit))
        try:
            labels = load_in_clean_process(whole, None, task, inputs, with_token=False)["labels"]
        except UserError as error:
            return Finding("prediction", False, redact(error))
    return Finding("prediction", True, f"its own code loads and predicts {len(labels)} classes")


def _guess_task(config: dict[str, Any]) -> str:
    kinds = [*dict(config.get("auto_map") or {}), *list(config.get("architectures") or [])]
    is_image = any("ForImageClassification" in str(kind) for kind in kinds)
    return "image-classification" if is_image else "text-classification"
