"""What the worker of the Hub tests runs besides hfkit's own functions."""

import os
from pathlib import Path

from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from hfkit import push
from hfkit.hub import hub_errors
from hfkit.hub_check import check_repository
from hfkit.proof import prove


def upload(folder: Path, repo_id: str) -> str:
    """Upload a folder as `push_run` does between its two proofs."""
    with hub_errors(repo_id):
        return push._upload(folder, repo_id, private=False)


def check(repo_id: str, trust_remote_code: bool) -> list[tuple[str, bool, str]]:
    """Check a repository and return the findings as JSON can hold them."""
    return [(found.what, found.well, found.found) for found in check_repository(repo_id, None, trust_remote_code)]


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


def prove_offline(run: Path, repo_id: str, commit: str) -> str:
    """Prove from the cache, without asking the Hub."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        return prove(run, repo_id, commit)
    finally:
        os.environ["HF_HUB_OFFLINE"] = "0"
