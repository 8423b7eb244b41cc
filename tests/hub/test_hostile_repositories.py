"""`hub check` and `reproduce` of repositories that are made to lie, to be followed, or to take all memory and time."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hub_client import Client
from safetensors.torch import load, save
from tiny import TINY, tiny_tokenizer
from transformers import BertConfig, BertForSequenceClassification

from hfkit.errors import UserError
from hfkit.hub import check as check_module
from hfkit.hub.finding import Finding
from hfkit.hub.limited_process import memory_remark
from hfkit.hub.read_card import read_card

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
"""Nine aliases, each ten times the one before: 3 kB that stand for ten thousand million words."""
Files = dict[str, bytes]
Findings = dict[str, tuple[bool, str]]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of a text model that hfkit saved, with a card."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("ours")
    TINY["hfkit-text/bert-linear"]().save_pretrained(folder)
    tiny_tokenizer(folder).save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".py"}


@pytest.fixture
def check(client: Client) -> Callable[[Files], Findings]:
    """Place files on the Hub, check them, and return the findings."""

    def of(files: Files) -> Findings:
        client.hub.place("me/hostile", files)
        return {what: (well, text) for what, well, text in client("push_helpers:check", "me/hostile", False)}

    return of


def config_with(files: Files, name: str = "config.json", **fields: Any) -> Files:
    """Return the files with other fields in one of their configurations."""
    return {**files, name: json.dumps({**json.loads(files.get(name, b"{}")), **fields}).encode()}


def test_what_is_whole_is_well(check: Callable[[Files], Findings], ours: Files) -> None:
    findings = check(ours)
    assert findings["weights"] == (True, "model.safetensors")
    assert findings["references"][0]
    assert findings["prediction"] == (True, "hfkit's code loads and predicts; none of the repository's ran")


def test_missing_and_unknown_tensors_are_findings(check: Callable[[Files], Findings], ours: Files) -> None:
    """Of hfkit's models and of others, none of which weights can be ok that are not the model's."""
    whole = load(ours["model.safetensors"])
    head = next(name for name in whole if name.startswith("classifier"))
    cut = {name: whole[name] for name in whole if name != head}
    for tensors, sentence in (
        (cut, f"{head} is missing"),
        ({**whole, "more": torch.zeros(1)}, "more is unknown"),
        ({"x": torch.zeros(1)}, "larger net|is missing|labels"),
    ):
        findings = check({**ours, "model.safetensors": save(tensors, {"format": "pt"})})
        assert not findings["weights"][0], sentence
        assert not findings["prediction"][0]


def test_the_weights_of_others_are_compared(check: Callable[[Files], Findings], tmp_path: Path) -> None:
    config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert check(files)["weights"] == (True, "model.safetensors")
    tensors = load(files["model.safetensors"])
    lacking = {name: tensor for name, tensor in tensors.items() if name != "classifier.weight"}
    other = {**tensors, "classifier.weight": torch.zeros(2, 9)}
    for changed, sentence in ((lacking, "classifier.weight is missing"), (other, "classifier.weight.*another shape")):
        well, text = check({**files, "model.safetensors": save(changed, {"format": "pt"})})["weights"]
        assert not well
        assert re.search(sentence, text)
    for broken in ({"model.safetensors": files["model.safetensors"][:-8]}, config_with(files, hidden_act="nope")):
        findings = check({**files, **broken})
        assert findings["prediction"][1].startswith("it does not load: ")
        assert not findings["prediction"][0]
        assert findings["weights"] == (True, "model.safetensors (names of tensors not compared)")


def test_what_could_not_be_loaded_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that fails meanwhile says nothing of the model."""
    repository = check_module.Repository("me/model", "0" * 40, {"model.safetensors": 8}, {"config.json": {}})
    whole = Finding("weights", True, "model.safetensors")

    def fail(error: Exception) -> list[Finding]:
        monkeypatch.setattr(check_module, "fetch_model", lambda *_: (_ for _ in ()).throw(error))
        return list(check_module._guarded_loading(repository, whole, False))

    weights, prediction = fail(UserError("x.json of me/model has 900 MB, and is not fetched"))
    assert weights.detail == "model.safetensors (names of tensors not compared)"
    assert not prediction.well
    with pytest.raises(ConnectionError):
        fail(ConnectionError("cut off"))


def test_what_points_elsewhere_is_a_finding(check: Callable[[Files], Findings], ours: Files) -> None:
    for files, named in (
        (config_with(ours, "adapter_config.json", base_model_name_or_path="evil/model"), "an adapter of evil/model"),
        (config_with(ours, _attn_implementation="evil/kernel"), "'evil/kernel', which is code of others"),
        (config_with(ours, pretrained_cfg={"file": "/etc/passwd"}), "pretrained_cfg"),
        (config_with(ours, "tokenizer_config.json", cache_dir="/etc"), "tokenizer_config.json has cache_dir"),
    ):
        findings = check(files)
        assert not findings["references"][0]
        assert named in findings["references"][1]
        assert findings["prediction"] == (False, "not tried, for what is found above")


def test_bombs_are_one_finding_each(check: Callable[[Files], Findings], ours: Files) -> None:
    backbone = json.loads(ours["config.json"])["backbone_config"]
    deep = b'{"model_type": "hfkit-text", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    labels = {str(number): f"label {number}" for number in range(100_000)}
    for files, what in (
        (config_with(ours, backbone_config={**backbone, "num_hidden_layers": 50_000_000}), "references"),
        (config_with(ours, backbone_config={**backbone, "num_hidden_layers": 1_900}), "weights"),
        (config_with(ours, backbone_config={**backbone, "vocab_size": 8_000_000_000}), "references"),
        (config_with(ours, backbone_config={**backbone, "vocab_size": 2_000_000_000}), "weights"),
        (config_with(ours, id2label=labels), "weights"),
        ({**ours, "config.json": deep}, "config.json"),
        ({**ours, "tokenizer_config.json": deep}, "tokenizer_config.json"),
        ({**ours, "README.md": f"---\n{BOMB}---\n".encode()}, "card"),
    ):
        findings = check(files)
        assert not findings[what][0], (what, findings)
        assert all(len(text) < 600 for _, text in findings.values())


def test_a_card_ends_for_our_guard_where_it_ends_for_the_hub() -> None:
    """A key that begins with three dashes is no end."""
    assert read_card("---\n---x: 1\nlicense: mit\n---\n# Mine\n").license == "mit"
    with pytest.raises(yaml.YAMLError, match="more than 1,000,000 values"):
        read_card(f"---\nlicense: mit\n---x: 1\n{BOMB}---\n")


@pytest.mark.slow
def test_a_net_that_needs_more_memory_or_time_is_stopped(client: Client) -> None:
    """What no look at a configuration tells: the process has a limit of its own, and the one that asks goes on."""
    for call, sentence in (("take_memory", "more memory than four times its weights"), ("die", "ended with code 3")):
        with pytest.raises(UserError, match=sentence):
            client("push_helpers:run_in_limits", call, 0)
    with pytest.raises(UserError, match="stopped after"):
        client("push_helpers:run_in_limits", "sleep", 0.5)


def test_a_name_with_a_star_fetches_nothing_else(
    client: Client, check: Callable[[Files], Findings], ours: Files
) -> None:
    """Names are patterns for what fetches, and what lies deeper has no limit of its size."""
    names = ("*.json", "[a-z]*.txt")
    findings = check({**ours, **dict.fromkeys(names, b"{}"), "below/large.json": b"{}", "below/large.txt": b"x"})
    assert findings["prediction"][0], findings
    assert not [request for request in client.hub.requests if "below/" in request]


def test_nothing_of_a_stranger_is_written_past_the_findings(client: Client) -> None:
    """Warnings, and what libraries of C++ and Rust write by themselves."""
    assert client("push_helpers:run_in_limits", "find_outputs", 0) == [True, True]


def test_what_only_a_prediction_shows_is_a_finding(check: Callable[[Files], Findings], ours: Files) -> None:
    backbone = json.loads(ours["config.json"])["backbone_config"]
    files = config_with(ours, backbone_config={**backbone, "layer_norm_eps": -5.0})
    assert check(files)["prediction"] == (False, "it does not predict: its scores are no numbers")


def test_a_script_is_not_run_again_by_the_process(client: Client, tmp_path: Path) -> None:
    """One without `if __name__ == "__main__"` would do all that it does twice, and end in an error."""
    script, mark = tmp_path / "script.py", tmp_path / "ran-again"
    script.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nraise SystemExit(1)\n")
    assert client("push_helpers:run_from_script", script) == "hello"
    assert not mark.exists()


def test_a_system_without_a_limit_of_memory_is_named(
    client: Client, ours: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory_remark() == ""
    client.hub.place("me/unlimited", ours)
    findings = {what: text for what, _, text in client("push_helpers:check_without_limit", "me/unlimited")}
    assert findings["prediction"].endswith("none of the repository's ran; memory is not limited on this system")
    monkeypatch.setattr("sys.platform", "darwin")
    assert memory_remark() == "; memory is not limited on this system"


@pytest.mark.parametrize(
    ("sizes", "trusted", "answer"),
    [
        ({"model.safetensors": 6 * 10**9}, False, "not tried: more than 5 GB of weights are not fetched"),
        ({"model.safetensors": 6 * 10**9}, True, "not tried: more than 5 GB of weights are not fetched"),
        (
            {"model.safetensors": 10**6, "data.zip": 6 * 10**9},
            True,
            "2 files of 6.0 GB in all, and at most 1,000 of 5 GB",
        ),
        ({"model.safetensors": 10**6, **{f"{n}.txt": 1 for n in range(1000)}}, True, "1,001 files of 0.0 GB"),
    ],
)
def test_no_more_is_fetched_than_a_look_needs(sizes: dict[str, int], trusted: bool, answer: str) -> None:
    """By the sizes that the Hub lists, before anything is fetched; with the repository's own code all of its files."""
    repository = check_module.Repository("me/large", "0" * 40, sizes, {"config.json": {"model_type": "hfkit-text"}})
    whole = check_module.Finding("weights", True, "model.safetensors")
    try:
        said = check_module._check_loading(repository, whole, trusted)[1].detail
    except UserError as error:  # which the caller makes a finding of
        said = str(error)
    assert answer in said


def test_nothing_hostile_is_run_again(client: Client, ours: Files, tmp_path: Path) -> None:
    card = (
        "---\nmodel-index:\n- name: x\n  results:\n  - task: {type: text-classification}\n"
        "    dataset: {name: d, type: d, split: test}\n    metrics:\n    - {type: accuracy, value: 0.5}\n---\n"
    )
    said = {"README.md": card.encode(), "summary.json": b'{"task": "text-classification"}'}
    flags = "dataset: me/data\nbackbone: me/backbone\n"
    backbone = json.loads(ours["config.json"])["backbone_config"]
    bare = {**ours, "config.json": json.dumps({**backbone, "num_hidden_layers": 1_900}).encode()}
    client.hub.place("me/backbone", bare)
    for files, sentence in (
        ({**said, "hfkit.yaml": BOMB.encode()}, "a list or a mapping where a text must stand"),
        ({**said, "hfkit.yaml": b"a: " + b"[" * 100_000}, "nested|nesting depth"),
        ({**said, "hfkit.yaml": flags.encode() + b"#" * 2_000_000}, "hfkit.yaml of me/strange-run has 2.0 MB"),
        ({**said, "hfkit.yaml": flags.encode(), "summary.json": b"[" * 100_000}, "nested too deep"),
        (
            {**said, "hfkit.yaml": flags.encode(), "README.md": f"---\n{BOMB}---\n".encode()},
            "more than 1,000,000 values",
        ),
        ({**said, "hfkit.yaml": flags.encode()}, "me/backbone of that run does not load .*larger net"),
    ):
        client.hub.place("me/strange-run", files)
        with pytest.raises(UserError, match=sentence):
            client("hfkit.reproduce:reproduce", "me/strange-run", tmp_path / "new")
    assert not (tmp_path / "new").exists()
