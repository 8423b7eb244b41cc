"""`hub check` and `reproduce` of hostile configurations of every family, by the one process of the Hub tests."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_configurations import ENDLESS, FOLLOWED, INNER, LARGER, change, save_tiny
from hub_client import Client
from safetensors.torch import load, save
from tiny import write_tiny_backbone

from hfkit.errors import UserError
from hfkit.hub.check import Repository, _check_references
from hfkit.hub.look import look_at_backbone
from hfkit.models import FAMILIES

CARD = (
    "---\nmodel-index:\n- name: x\n  results:\n  - task: {type: TASK}\n"
    "    dataset: {name: d, type: d, split: test}\n    metrics:\n    - {type: accuracy, value: 0.5}\n---\n"
)
EACH_FAMILY = pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=[] if name == "hfkit-transformers-image" else [pytest.mark.slow]) for name in FAMILIES],
)
"""Texts have a file of their own, `test_hostile_repositories.py`."""
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a saved model of a family, made when it is first asked for."""
    return cache(lambda family: save_tiny(family, tmp_path_factory.mktemp(family)))


def read_files(folder: Path) -> Files:
    """Return the files of a folder but its code."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".py"}


@pytest.fixture
def check(client: Client) -> Callable[[Files], dict[str, tuple[bool, str]]]:
    """Place files on the Hub, check them, and return the findings."""

    def of(files: Files) -> dict[str, tuple[bool, str]]:
        client.hub.place("me/of-a-family", files)
        return {what: (well, text) for what, well, text in client("push_helpers:check", "me/of-a-family", False)}

    return of


@pytest.mark.parametrize("family", FAMILIES)
def test_references_are_found_before_anything_is_fetched(family: str, tmp_path: Path) -> None:
    """In the configuration itself, where it describes its backbone, and in what reads its inputs."""
    for fields in (*FOLLOWED.values(), *ENDLESS.values()):
        for config in ({**fields}, {INNER.get(family, "more"): fields}):
            for name in ("config.json", "preprocessor_config.json"):
                configs = {"config.json": {"model_type": family}}
                configs[name] = {**configs.get(name, {}), **config}
                finding = _check_references(Repository("me/model", "0" * 40, {}, configs))
                assert not finding.well, (family, name, config)
                assert name in finding.detail


@pytest.mark.slow
@EACH_FAMILY
def test_a_check_of_each_family(
    family: str, saved: Callable[[str], Path], check: Callable[[Files], dict[str, tuple[bool, str]]], tmp_path: Path
) -> None:
    findings = check(read_files(saved(family)))
    assert findings["prediction"] == (True, "hfkit's code loads and predicts; none of the repository's ran")
    for name, fields, what, sentence in (
        ("kernel", FOLLOWED["kernel"], "references", "code of others"),
        ("layers", ENDLESS["layers"], "references", "at most"),
        ("larger", LARGER[family], "weights", "a larger net than its weights fill"),
        ("labels", {"id2label": {str(n): f"l{n}" for n in range(100_000)}}, "weights", "100,000 labels"),
    ):
        files = read_files(change(saved(family), tmp_path / name, family, fields, inside=what == "references"))
        findings = check(files)
        assert not findings[what][0], (name, findings)
        assert sentence in findings[what][1]
        assert not findings["prediction"][0]
        assert all(len(text) < 600 for _, text in findings.values())
    whole = read_files(saved(family))
    tensors = load(whole["model.safetensors"])
    lacking = {key: tensors[key] for key in tensors if not key.startswith("classifier")}
    findings = check({**whole, "model.safetensors": save({**lacking, "x": torch.zeros(1)}, {"format": "pt"})})
    assert "is missing" in findings["weights"][1]


@EACH_FAMILY
def test_no_hostile_backbone_is_trained_on(
    family: str, saved: Callable[[str], Path], client: Client, tmp_path: Path
) -> None:
    """`reproduce` loads a stranger's backbone once in a process with limits before anything is run on it."""
    task = FAMILIES[family].task
    assert look_at_backbone(str(saved(family)), task) == {}
    changes: dict[str, tuple[dict[str, Any], bool, str]] = {
        **{f"{name} {inside}": (FOLLOWED[name], inside, "not f") for name in FOLLOWED for inside in (False, True)},
        **{f"{name} {inside}": (ENDLESS[name], inside, "at most") for name in ENDLESS for inside in (False, True)},
        "larger": (LARGER[family], False, "a larger net than its weights fill"),
    }
    for name, (fields, inside, sentence) in changes.items():
        folder = change(saved(family), tmp_path / name, family, fields, inside)
        with pytest.raises(ValueError, match=sentence):
            look_at_backbone(str(folder), task)
    client.hub.place("me/hostile-backbone", read_files(tmp_path / "larger"))
    client.hub.place(
        "me/run-on-it",
        {
            "README.md": CARD.replace("TASK", task).encode(),
            "summary.json": json.dumps({"task": task}).encode(),
            "hfkit.yaml": b"dataset: me/data\nbackbone: me/hostile-backbone\n",
        },
    )
    with pytest.raises(UserError, match=r"me/hostile-backbone of that run does not load .*larger net"):
        client("hfkit.reproduce:reproduce", "me/run-on-it", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("call", ["load_saved", "load_backbone"])
def test_what_was_looked_at_is_what_is_loaded(
    call: str, saved: Callable[[str], Path], client: Client, tmp_path: Path
) -> None:
    """What `main` is, is asked for one file: a push behind that is not loaded, neither by the net nor by the tokenizer."""
    files, name = read_files(saved("hfkit-text")), f"me/moving-{call.replace('_', '-')}"
    if call == "load_backbone":
        write_tiny_backbone(tmp_path / "backbone")
        files = read_files(tmp_path / "backbone")
    client.hub.place(name, files)
    before = len(client.hub.requests)
    client(f"push_helpers:{call}", name)
    asked = [request for request in client.hub.requests[before:] if "/main" in request]
    assert {request.split(" ", 1)[1] for request in asked} == {f"/{name}/resolve/main/config.json"}
