"""The first phase of a run: what is filled in, and that nothing changes afterwards."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import LazyRuns, Run

from hfkit.errors import UserError
from hfkit.flags.kinds import TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.training import run as run_module


def _values(arguments: Any) -> dict[str, Any]:
    """Return the values of all flags."""
    groups = (arguments.model, arguments.data, arguments.training)
    return {item.name: repr(getattr(group, item.name)) for group in groups for item in dataclasses.fields(group)}


@pytest.mark.slow
def test_no_flag_changes_once_it_is_resolved(run_fakenews: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the Trainer nor the feature cache may turn a flag: what the run wrote down is what it did."""
    seen: list[tuple[Any, dict[str, Any]]] = []
    resolve = run_module.resolve

    def watched(task: Any, arguments: Any, name: str) -> Any:
        before = _values(arguments)
        settings = resolve(task, arguments, name)
        assert _values(arguments) == before
        seen.append((settings.arguments, _values(settings.arguments)))
        return settings

    monkeypatch.setattr(run_module, "resolve", watched)
    run_fakenews("--unfreeze_from", "none", "--feature_cache", "auto")
    [(arguments, values)] = seen
    assert _values(arguments) == values
    with pytest.raises(dataclasses.FrozenInstanceError):
        arguments.training = None


def test_another_head_gets_its_own_defaults(finished_runs: LazyRuns) -> None:
    """What a run filled in holds for the same run again, and for no other."""
    file = finished_runs["linear"].folder / "hfkit.yaml"
    filled_in = yaml.safe_load(file.read_text())["filled_in"]
    assert {"learning_rate", "head_learning_rate", "pooling", "train_sampling_strategy"} <= set(filled_in)
    again = parse_arguments(["--config", str(file)], (), TEXT)
    assert again.filled_in == filled_in
    assert again.training.learning_rate == filled_in["learning_rate"]
    assert again.model.pooling == filled_in["pooling"]
    for changed in (["--backbone", "bert-base-uncased"], ["--unfreeze_from", "none"], ["--head", "bigru"]):
        other = parse_arguments(["--config", str(file), *changed], (), TEXT)
        assert other.filled_in == {}
        assert other.training.learning_rate is None
        assert other.model.pooling is None
    given = parse_arguments(["--config", str(file), "--learning_rate", "0.5"], (), TEXT)
    assert given.training.learning_rate == 0.5
    assert "learning_rate" not in given.filled_in


def test_float16_drops_a_bfloat16_that_was_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "hfkit.yaml"
    file.write_text("filled_in: {bf16: true, head_learning_rate: 0.5}\n")
    given = parse_arguments(["--config", str(file), "--fp16", "true"], (), TEXT)
    assert (given.training.fp16, given.training.bf16) == (True, False)
    assert given.filled_in == {"head_learning_rate": 0.5}
    assert parse_arguments(["--config", str(file), "--fp16", "false"], (), TEXT).training.bf16 is True
    file.write_text("bf16: true\n")  # a person wrote it
    with pytest.raises(UserError, match="At most one of fp16 and bf16 can be True"):
        parse_arguments(["--config", str(file), "--fp16", "true"], (), TEXT)


def test_a_run_that_failed_early_leaves_no_folder(
    run_fakenews: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="no layer of that name"):
        run_fakenews("--unfreeze_from", "encoder.layer.77", folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_continued_run_reads_stored_features_if_it_began_so(
    run_fakenews: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is faster is measured at the first start alone."""
    monkeypatch.setenv("HFKIT_CACHE", str(tmp_path / "cache"))
    resumed = ("--resume_from_checkpoint", "true")
    for reason, said in (("", "Feature cache: training enters"), ("it is slow", "Feature cache: off")):
        folder = tmp_path / f"run{bool(reason)}"
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        monkeypatch.setattr("hfkit.features.reading.why_not_worth_it", lambda *of, reason=reason: reason)
        first = run_fakenews("--unfreeze_from", "none", "--keep_checkpoints", "true", folder=folder, capture=capfd)
        assert said in first.output
        assert (yaml.safe_load((folder / "hfkit.yaml").read_text())["filled_in"].get("feature_cache") == "off") == bool(
            reason
        )
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        other = "" if reason else "it is slow"
        monkeypatch.setattr("hfkit.features.reading.why_not_worth_it", lambda *of, reason=other: reason)
        assert said in run_fakenews(*resumed, folder=folder, capture=capfd).output
