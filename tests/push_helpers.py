"""What the worker of the Hub tests runs besides hfkit's own functions."""

import contextlib
import multiprocessing
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest
from huggingface_hub import constants, get_session
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    pipeline,
)

from hfkit import connection, load_pipeline
from hfkit.backbones.text_checks import load_tokenizer
from hfkit.errors import Stopped
from hfkit.hub import check as hub_check
from hfkit.hub import limited_process, push
from hfkit.hub.check import check_repository
from hfkit.hub.client import hub_errors
from hfkit.hub.proof import prove
from hfkit.models import register
from hfkit.models.encoders import load_encoder
from hfkit.reproduce import reproduce
from hfkit.training.trainer import ClassifierTrainer

register()  # for the Auto classes below


def load_saved(name: str) -> None:
    """Load a model of hfkit from the Hub, and predict."""
    load_pipeline(name)("A text.")


def load_backbone(name: str) -> None:
    """Load an encoder from the Hub, and its tokenizer."""
    load_encoder(name)
    load_tokenizer(name, None)


TAG = "hfkit-0123456789ab"


def upload(folder: Path, repo_id: str, private: bool = False) -> str:
    """Upload a folder as `push_run` does between its two proofs."""
    with hub_errors(repo_id):
        return push._upload(folder, repo_id, private, TAG)


def check(repo_id: str, trust_remote_code: bool) -> list[tuple[str, bool, str]]:
    """Check a repository and return the findings as JSON can hold them."""
    return [
        (finding.what, finding.well, finding.detail) for finding in check_repository(repo_id, None, trust_remote_code)
    ]


def check_impatiently(repo_id: str, seconds: float) -> list[tuple[str, bool, str]]:
    """Check a repository, and give up connections that say nothing for so long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "SILENCE_OF_QUESTIONS", seconds)
        return check(repo_id, False)


def check_without_limit(repo_id: str) -> list[tuple[str, bool, str]]:
    """Check a repository where no process can be given a limit of memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_check, "memory_remark", lambda: "; memory is not limited on this system")
        return check(repo_id, False)


class KilledError(BaseException):
    """Stands for a kill: nothing catches it."""


def push_until(run: Path, repo_id: str, change: int | None) -> list[str]:
    """Push a run, and be killed before the request of that number, of those that change something; return these."""
    seen: list[str] = []
    session = type(get_session())
    send = session.send

    def count(self: Any, request: Any, **options: Any) -> Any:
        if request.method not in ("GET", "HEAD"):
            if len(seen) == change:
                raise KilledError
            seen.append(f"{request.method} {request.url.path}")
        return send(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "send", count)
        patch.setattr(push, "prove", lambda *_: "left out")
        with contextlib.suppress(KilledError):
            push.push_run(run, repo_id, "mit", "en")
    return seen


def push_for(run: Path, repo_id: str, seconds: float | None) -> float:
    """Push a run in a copy of this process, which is killed after some seconds; return how many it took."""
    process = multiprocessing.get_context("fork").Process(target=push_until, args=(run, repo_id, None))
    begin = time.perf_counter()
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    if seconds is None and process.exitcode:
        raise RuntimeError(f"it ended with code {process.exitcode}")
    return time.perf_counter() - begin


def reproduce_until_stopped(repo_id: str, folder: Path, revision: None, dataset: str) -> str:
    """Run a pushed model again, be stopped when the net is trained, and return the folder that was left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hfkit.training.run.finish", Mock(side_effect=KeyboardInterrupt))
        try:
            reproduce(repo_id, folder, revision, dataset)
        except Stopped as stopped:
            return str(stopped.folder)
    return ""


def upload_without_token(folder: Path, repo_id: str) -> str:
    """Upload with no token in the environment."""
    token = os.environ.pop("HF_TOKEN")
    try:
        return upload(folder, repo_id)
    finally:
        os.environ["HF_TOKEN"] = token


def push_plainly(run: Path, by: str, repo_id: str, folder: Path) -> str:
    """Push a run's model by transformers' own means, and prove what is there."""
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(run), AutoTokenizer.from_pretrained(run)
    if by == "model":
        model.push_to_hub(repo_id)
        tokenizer.push_to_hub(repo_id)
    else:
        arguments = TrainingArguments(str(folder), hub_model_id=repo_id, report_to="none", use_cpu=True)
        trainer = Trainer(model=model, args=arguments, processing_class=tokenizer)
        trainer.init_hf_repo()
        trainer.push_to_hub()
    return prove(run, repo_id)


def push_by_our_trainer(run: Path, repo_id: str, folder: Path, with_card: bool = True) -> None:
    """Push by hfkit's Trainer, perhaps with a card in its folder."""
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(run), AutoTokenizer.from_pretrained(run)
    folder.mkdir()
    if with_card:
        (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    arguments = TrainingArguments(str(folder), hub_model_id=repo_id, report_to="none", use_cpu=True)
    trainer = ClassifierTrainer(model=model, args=arguments, processing_class=tokenizer, head_learning_rate=1e-3)
    trainer.init_hf_repo()
    trainer.push_to_hub()


def push_image_model(run: Path, repo_id: str) -> str:
    """Push an image model by `push_to_hub`, and prove what is there."""
    AutoModelForImageClassification.from_pretrained(run).push_to_hub(repo_id)
    AutoImageProcessor.from_pretrained(run).push_to_hub(repo_id)
    return prove(run, repo_id)


def prove_offline(run: Path, repo_id: str, commit: str) -> str:
    """Prove from the cache, without asking the Hub."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        return prove(run, repo_id, commit)
    finally:
        os.environ["HF_HUB_OFFLINE"] = "0"


def predict(repo_id: str, revision: str | None, text: str, offline: bool = False, token: str | None = None) -> str:
    """Load by hfkit's own loader, perhaps from the cache alone, and return the label of a text."""
    constants.HF_HUB_OFFLINE = offline
    try:
        return str(load_pipeline(repo_id, revision=revision, token=token)(text)[0]["label"])
    finally:
        constants.HF_HUB_OFFLINE = False


def predict_as_stranger(task: str, repo_id: str, revision: str, text: str, offline: bool) -> list[Any]:
    """Load by `pipeline()` with the repository's code, perhaps from the cache alone; return class, label and score."""
    constants.HF_HUB_OFFLINE = offline
    try:
        classify = pipeline(task, model=repo_id, revision=revision, trust_remote_code=True, device="cpu")
        answer = classify(text)[0]
        return [type(classify).__module__, answer["label"], answer["score"]]
    finally:
        constants.HF_HUB_OFFLINE = False


def ask_with_another_token(call: str, repo_id: str) -> None:
    """Ask with a token that the Hub does not know."""
    token = os.environ.pop("HF_TOKEN")
    os.environ["HF_TOKEN"] = "hf_unknown"
    try:
        push.check_can_push(repo_id, "mit") if call == "push" else check_repository(repo_id)
    finally:
        os.environ["HF_TOKEN"] = token


def take_memory() -> None:
    """Ask for more memory than any limit."""
    bytearray(2**33)


def die() -> None:
    """End without an answer."""
    os._exit(3)


def sleep() -> None:
    """Take more time than a limit in a test."""
    time.sleep(60)


def find_outputs() -> list[bool]:
    """Tell of stdout and stderr whether they go nowhere."""
    return [os.path.samestat(os.fstat(number), os.stat(os.devnull)) for number in (1, 2)]


def run_in_limits(name: str, seconds: float) -> Any:
    """Call a function of this file in a process with limits, perhaps with less time."""
    limited_process.SECONDS, before = seconds or limited_process.SECONDS, limited_process.SECONDS
    try:
        return limited_process.run_limited(globals()[name], (), 0)
    finally:
        limited_process.SECONDS = before


def say_hello() -> str:
    """Answer."""
    return "hello"


def run_from_script(script: Path) -> Any:
    """Call a function in a process with limits from a script, which stands for one that is run by `python SCRIPT`."""
    main = ModuleType("__main__")
    main.__file__ = str(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", main)
        return limited_process.run_limited(say_hello, (), 0)
