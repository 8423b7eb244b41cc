"""Runs and models that an earlier version left still load, prove, go on and reproduce."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, load_recipe
from hub_client import Client
from tiny import TRANSFORMER

from hfkit import load_pipeline
from hfkit.backbones import image as image_backbones
from hfkit.hub.collect import collect
from hfkit.hub.proof import prove

OLDER = ROOT / "tests" / "older_runs"
RECIPES = {"text": "fakenews", "image": "cifar10"}
MODALITIES = pytest.mark.parametrize("modality", RECIPES)


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the older runs; the tiny ViT is built where a run says `vit_tiny_patch16_224`."""
    plain = image_backbones.find_family

    def tiny(arguments: Any) -> Any:
        model_class, options, size = plain(arguments)
        return model_class, {**options, "backbone_options": TRANSFORMER}, size

    monkeypatch.setattr("hfkit.backbones.image.find_family", tiny)
    return Path(shutil.copytree(OLDER, tmp_path / "older"))


@MODALITIES
@pytest.mark.parametrize("folder", ["finished", "pushed"])
def test_an_older_model_gives_its_scores(modality: str, folder: str, older: Path) -> None:
    run = older / modality
    proof = json.loads((run / "finished" / "proof" / "rows.json").read_text())
    inputs = proof["inputs"]
    if modality == "image":
        inputs = [str(run / "finished" / "proof" / name) for name in inputs]
    classify = load_pipeline(str(run / folder), dtype=torch.float32)
    for content, scores in zip(inputs, proof["scores"], strict=True):
        predicted = {row["label"]: row["score"] for row in classify(content, top_k=None)}
        np.testing.assert_allclose([predicted[label] for label in proof["labels"]], scores, atol=1e-5)


@pytest.mark.slow
@MODALITIES
def test_an_older_run_goes_on_where_it_was(modality: str, older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All flags come from its start, also those that were filled in there."""
    monkeypatch.chdir(older / modality)
    results = load_recipe(RECIPES[modality]).main(["--output_dir", "resumable", "--resume_from_checkpoint", "true"])
    finished = json.loads(Path("finished/all_results.json").read_text())
    assert results["test_loss"] == pytest.approx(finished["test_loss"], abs=0.05)
    state = json.loads(Path("resumable/trainer_state.json").read_text())
    assert state["epoch"] == 2
    assert Path("resumable/manifest.json").is_file()


@pytest.mark.slow
@MODALITIES
def test_an_older_configuration_runs_again(modality: str, older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(older / modality)
    again = load_recipe(RECIPES[modality]).main(["--config", "finished/hfkit.yaml", "--output_dir", "again"])
    finished = json.loads(Path("finished/all_results.json").read_text())
    assert again["test_loss"] == pytest.approx(finished["test_loss"], abs=0.05)


@pytest.mark.slow
@MODALITIES
def test_an_older_run_is_proven_and_collected(modality: str, older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "huggingface_hub.ModelCard.validate", lambda self: None
    )  # there is no Hub to ask in this process
    assert "labels equal" in prove(older / modality / "finished", str(older / modality / "pushed"))
    collect(older / modality / "finished", older / "bundle", "me/older", "mit", None)
    assert "labels equal" in prove(older / modality / "finished", str(older / "bundle"))


@pytest.mark.slow
def test_an_older_push_is_reproduced(client: Client, tmp_path: Path) -> None:
    client("push_helpers:upload", OLDER / "text" / "backbone", "me/tiny-bert")
    client("push_helpers:upload", OLDER / "text" / "pushed", "me/older")
    rows = client("hfkit.reproduce:reproduce", "me/older", tmp_path / "new", None, str(OLDER / "text" / "data"))
    assert all(row["holds"] for row in rows.values()), rows
    assert "test accuracy" in rows
