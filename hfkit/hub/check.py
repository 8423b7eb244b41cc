"""Look at a model on the Hub before one trusts it: files, formats, code, labels, card; none of its code runs unless asked for."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from PIL import Image

from ..connection import ask, find_passing_fault, redact
from ..models import FAMILIES, config_checks, list_code, reader_checks, tokenizer_checks
from .client import hub_errors, read_file
from .fetch import LARGEST_WHOLE, fetch_model, fetch_whole, list_sizes
from .finding import Finding
from .limited_process import START_SECONDS, memory_limit, memory_remark, run_limited, time_limit
from .look import look_at_model
from .proof import load_in_clean_process
from .read_card import read_card

ADAPTER_CONFIG = "adapter_config.json"

PICKLES = tuple(".bin .pt .pth .pt2 .pkl .pickle .dill .ckpt .joblib .npy .npz .h5 .keras".split())
"""Formats that can run code when they are loaded."""
CONFIGS = (
    *("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"),
    tokenizer_checks.SPECIAL_TOKENS,
    ADAPTER_CONFIG,
)
"""Files whose `auto_map` names code, or whose fields another model."""
MOST_WEIGHTS = 200
"""Files; the header of each is asked for."""
HEADER_SECONDS = 20.0
"""For reading the headers of all files of weights."""
SAMPLE_TEXTS = ["", "A text.", "\U0001f637 https://example.org/page?x=1"]


@dataclass(frozen=True)
class Repository:
    """A model repository at one commit: its files with their bytes, and its JSON files of configuration."""

    name: str
    commit: str
    sizes: dict[str, int]
    configs: dict[str, dict[str, Any]]

    @property
    def files(self) -> list[str]:
        """Names of its files."""
        return list(self.sizes)

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
    commit, sizes = list_sizes(repo_id, revision)
    with hub_errors(repo_id):
        wanted = [name for name in (*CONFIGS, "README.md") if name in sizes]
        large = [name for name in wanted if sizes[name] > config_checks.LARGEST_FILE]
        texts = {name: read_file(repo_id, name, commit, "replace") for name in wanted if name not in large}
    configs, broken = _parse({name: text for name, text in texts.items() if name != "README.md"})
    broken += [Finding(name, False, f"it has {sizes[name] / 1e6:,.0f} MB and was not read") for name in large]
    repository = Repository(repo_id, commit, sizes, configs)
    with hub_errors(repo_id):
        weights = _guarded("weights", lambda: _check_weights(repository))
    references = _guarded("references", lambda: _check_references(repository))
    prediction = Finding("prediction", False, "not tried, for what is found above")
    if not broken and references.well:
        with hub_errors(repo_id):
            weights, prediction = _guarded_loading(repository, weights, trust_remote_code)
    return [
        Finding("commit", True, commit),
        *broken,
        weights,
        references,
        _guarded("code", lambda: _check_code(repository)),
        _guarded("auto_map", lambda: _check_auto_map(repository)),
        _guarded("labels", lambda: _check_labels(repository.config)),
        _guarded("card", lambda: _check_card(texts.get("README.md"))),
        prediction,
    ]


def _parse(texts: dict[str, str]) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """Read JSON files; those that are none are findings."""
    configs, broken = {}, []
    for name, text in texts.items():
        try:
            configs[name] = config_checks.parse_json(text, name)
        except ValueError as error:
            broken.append(Finding(name, False, redact(error)))
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


def _guarded_loading(repository: Repository, weights: Finding, trust_remote_code: bool) -> tuple[Finding, Finding]:
    """Load the model as `_check_loading`; where that ends in an error, its weights were not compared, which is said."""
    try:
        return _check_loading(repository, weights, trust_remote_code)
    except Exception as error:  # whatever a stranger's files may cause
        fault = find_passing_fault(error)
        if fault is not None:
            raise fault from error
        return _not_compared(weights), Finding("prediction", False, redact(error))


def _not_compared(weights: Finding) -> Finding:
    """Say of weights that were not found bad that their tensors were not looked at."""
    return Finding("weights", True, f"{weights.detail} (names of tensors not compared)") if weights.well else weights


def _check_weights(repository: Repository) -> Finding:
    pickles = [name for name in repository.files if name.lower().endswith(PICKLES)]
    weights = [name for name in repository.files if name.endswith(".safetensors")]
    if pickles:
        return Finding(
            "weights", False, f"{', '.join(pickles)}: a pickle or its like, which can run code when it is loaded"
        )
    if len(weights) > MOST_WEIGHTS:
        return Finding(
            "weights", False, f"{len(weights):,} .safetensors files, and at most {MOST_WEIGHTS} are looked at"
        )
    started = time.monotonic()
    for name in weights:  # the header alone: a file is not what its name says
        _read_header(repository, name)
        if time.monotonic() - started > HEADER_SECONDS:
            return Finding(
                "weights", False, f"their headers take more than {HEADER_SECONDS:g} s to read, and were not read"
            )
    return Finding("weights", bool(weights), ", ".join(weights) or "no .safetensors file")


def _read_header(repository: Repository, name: str) -> None:
    """Read the header of a file of weights; it is refused where it is none."""
    ask(lambda: HfApi().parse_safetensors_file_metadata(repository.name, name, revision=repository.commit))


def _check_references(repository: Repository) -> Finding:
    """Look whether a configuration would make a loader fetch something else: another model, a kernel, a file."""
    if ADAPTER_CONFIG in repository.configs:
        base = str(repository.configs[ADAPTER_CONFIG].get("base_model_name_or_path"))
        return Finding("references", False, f"{ADAPTER_CONFIG}: an adapter of {base}, which would be loaded")
    for name, config in repository.configs.items():
        try:
            if name == tokenizer_checks.SPECIAL_TOKENS:
                tokenizer_checks.check_special_tokens(config)
            elif name != "config.json":
                reader_checks.check_reader(config, name)
            config_checks.check_config(config)
            reader_checks.check_classes(config)
        except ValueError as error:
            return Finding("references", False, str(error))
    return Finding("references", True, "none to files, kernels or models elsewhere")


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
    data = read_card(text)
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


def _check_loading(repository: Repository, weights: Finding, trust_remote_code: bool) -> tuple[Finding, Finding]:
    """Load the model in a process with limits, and return a finding on its weights and one on its predictions.

    It predicts with hfkit's code if the model is one of its own, or with the repository's code if that is allowed.
    """
    family = FAMILIES.get(str(repository.config.get("model_type")))
    no_code = Finding("prediction", True, "not tried: --trust_remote_code runs the repository's code")
    if not weights.well:
        failed = Finding("prediction", False, "not tried, for what is found above")
        return weights, no_code if family is None and not trust_remote_code else failed
    weight_bytes = sum(size for name, size in repository.sizes.items() if name.endswith(".safetensors"))
    if weight_bytes > LARGEST_WHOLE:
        detail = f"{weights.detail} (names of tensors not compared: {weight_bytes / 1e9:,.0f} GB)"
        large = f"not tried: more than {LARGEST_WHOLE / 1e9:g} GB of weights are not fetched for a look"
        of_others = family is None and not trust_remote_code
        return Finding("weights", True, detail), no_code if of_others else Finding("prediction", False, large)
    task = family.task if family else _guess_task(repository.config)
    with tempfile.TemporaryDirectory() as folder:
        inputs = _sample_inputs(repository, task, Path(folder))
        if trust_remote_code:
            whole = fetch_whole(repository.name, repository.commit, repository.sizes)
            seconds = START_SECONDS + time_limit(weight_bytes)
            labels = load_in_clean_process(whole, None, task, inputs, memory_limit(weight_bytes), seconds)["labels"]
            answered = f"its own code loads and predicts {len(labels)} classes{memory_remark()}"
            return weights, Finding("prediction", True, answered)
        model = fetch_model(repository.name, repository.commit, repository.sizes)
        answer = run_limited(look_at_model, (model, inputs), weight_bytes)
    if "weights" in answer:
        weights = Finding("weights", False, answer["weights"])
    elif "note" in answer:
        weights = Finding("weights", True, f"{weights.detail} ({answer['note']})")
    if family is None and "prediction" in answer:
        return _not_compared(weights), Finding("prediction", False, f"it does not load: {answer['prediction']}")
    if family is None:
        return weights, Finding("prediction", True, f"{no_code.detail}{memory_remark()}")
    problem = answer.get("prediction") or ("not tried, for what is found above" if not weights.well else "")
    well = "hfkit's code loads and predicts; none of the repository's ran"
    return weights, Finding("prediction", not problem, f"{problem or well}{memory_remark()}")


def _sample_inputs(repository: Repository, task: str, folder: Path) -> list[Any]:
    """Return what is predicted: texts, pairs of texts, or a grey picture in a folder."""
    if task == "image-classification":
        picture = str(folder / "grey.png")
        Image.new("RGB", (64, 48), (128, 128, 128)).save(picture)
        return [picture]
    if repository.config.get("pair", "join") != "join":
        return [{"text": text, "text_pair": text} for text in SAMPLE_TEXTS]
    return list(SAMPLE_TEXTS)


def _guess_task(config: dict[str, Any]) -> str:
    kinds = [*dict(config.get("auto_map") or {}), *list(config.get("architectures") or [])]
    is_image = any("ForImageClassification" in str(kind) for kind in kinds)
    return "image-classification" if is_image else "text-classification"
