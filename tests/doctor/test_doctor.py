"""`hfkit doctor`: each fault is found and has a remedy, and none of them ends the others."""

import json
import shutil
from collections import namedtuple
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from conftest import LazyRuns
from typer.testing import CliRunner

from hfkit.commands import main as command
from hfkit.commands.main import app
from hfkit.doctor import caches, computer, network, packages, round_trip
from hfkit.doctor.finding import Finding
from hfkit.doctor.model import check_model
from hfkit.errors import UserError
from hfkit.export.contents import write_settings

Patch = pytest.MonkeyPatch
GB = 1e9


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.level for finding in findings}


def test_findings_that_are_not_well_have_a_remedy() -> None:
    for level, remedy in (("error", ""), ("warning", ""), ("ok", "Do something.")):
        with pytest.raises(ValueError, match="the remedy"):
            Finding("what", level, "detail", remedy)


def test_installed_packages_are_in_their_ranges() -> None:
    [finding] = packages.check_packages()
    assert finding.level == "ok"
    assert f"torch {torch.__version__.partition('+')[0]}" in finding.detail
    assert "pytest" not in finding.detail  # of an extra


def test_packages_that_do_not_fit_each_other_are_told(monkeypatch: Patch) -> None:
    """Such as a torchvision that was built for another torch."""
    assert packages.check_imports() == []

    def load(name: str) -> None:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(packages, "import_module", load)
    [finding] = packages.check_imports()
    assert (finding.level, "operator torchvision::nms does not exist" in finding.detail) == ("error", True)
    assert "pip install --force-reinstall torch torchvision" in finding.remedy


@pytest.mark.parametrize("kind", [ModuleNotFoundError, RuntimeError, OSError, AttributeError])
def test_a_package_that_cannot_be_imported_is_one_sentence(
    kind: type[Exception], monkeypatch: Patch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "built_for_another.py").write_text(f"raise {kind.__name__}('operator x::y does not exist. Are they?')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(command, "app", lambda **_: import_module("built_for_another"))
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said == (
        "error: a package cannot be imported (operator x::y does not exist): hfkit doctor says which, and what to do.\n"
    )


def test_an_error_that_is_of_no_import_is_raised(monkeypatch: Patch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(command, "app", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        command.main()


def test_packages_outside_of_their_ranges(monkeypatch: Patch) -> None:
    needed = [
        "torch>=99",
        "hfkit-needs-this>=1",
        "hfkit-never>=1; extra == 'demo'",
        "typer>=0.15",
        "rich; python_version < '3'",
    ]
    monkeypatch.setattr(packages, "requires", lambda _: needed)
    *wrong, well = packages.check_packages()
    assert [(finding.level, finding.remedy) for finding in wrong] == [
        ("error", "Run: pip install 'torch>=99'"),
        ("error", "Run: pip install 'hfkit-needs-this>=1'"),
    ]
    assert "hfkit-needs-this is missing, where hfkit needs >=1" in wrong[1].detail
    assert "typer" in well.detail
    monkeypatch.setattr(packages, "metadata", lambda _: {"Requires-Python": ">=4"})
    [finding] = packages.check_packages()
    assert "where hfkit needs >=4" in finding.detail


@pytest.mark.parametrize(("free", "level"), [(50 * GB, "ok"), (5 * GB, "warning"), (0.5 * GB, "error")])
def test_disk(free: float, level: str, tmp_path: Path, monkeypatch: Patch) -> None:
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(computer.shutil, "disk_usage", lambda _: Usage(100 * GB, 0, free))
    [finding] = computer.check_disk([tmp_path / "not" / "there", tmp_path])
    assert finding.level == level
    assert finding.detail == f"{free / GB:.1f} GB free in {tmp_path}"


@pytest.mark.parametrize(("available", "level"), [(8 * GB, "ok"), (2 * GB, "warning")])
def test_memory(available: float, level: str, monkeypatch: Patch) -> None:
    monkeypatch.setattr(computer.psutil, "virtual_memory", lambda: SimpleNamespace(available=available, total=16 * GB))
    assert levels(computer.check_memory()) == {"memory": level}


def test_threads_that_a_variable_takes_away(monkeypatch: Patch) -> None:
    monkeypatch.setattr(computer, "available_cores", lambda: 8)
    monkeypatch.setattr(computer.torch, "get_num_threads", lambda: 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    [finding] = computer.check_threads()
    assert (finding.level, finding.detail) == ("warning", "1 threads on 8 cores, by OMP_NUM_THREADS=1")
    assert "OMP_NUM_THREADS=8" in finding.remedy
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert levels(computer.check_threads()) == {"threads": "ok"}


def test_a_gpu_that_torch_does_not_see(monkeypatch: Patch) -> None:
    monkeypatch.setattr(computer.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(computer.torch.backends.mps, "is_available", lambda: False)
    for driver, level in ((None, "ok"), ("/usr/bin/nvidia-smi", "warning")):
        monkeypatch.setattr(computer.shutil, "which", lambda _, driver=driver: driver)
        assert levels(computer.check_devices()) == {"devices": level}


def test_caches(monkeypatch: Patch) -> None:
    assert set(levels(caches.check_caches()).values()) == {"ok"}
    monkeypatch.setattr(caches.os, "access", lambda *_: False)
    assert {finding.level for finding in caches.check_caches()} == {"error"}
    monkeypatch.setenv("HFKIT_CACHE_LIMIT_GB", "much")
    with pytest.raises(UserError, match="write a number of gigabytes"):
        caches.check_caches()


def test_network(monkeypatch: Patch) -> None:
    assert "offline by HF_HUB_OFFLINE" in network.check_network()[0].detail
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://user:secret@127.0.0.1:9")
    [finding] = network.check_network()
    assert finding.level == "warning"
    assert finding.detail.startswith("127.0.0.1 cannot be reached (")
    session = SimpleNamespace(head=lambda *_, timeout: timeout)
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: session)
    assert levels(network.check_network()) == {"network": "ok"}


def test_a_token_is_not_shown(monkeypatch: Patch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    result = CliRunner().invoke(app, ["doctor", "--quick"])
    assert "there is one" in result.stdout
    assert "secretsecret" not in result.output


@pytest.fixture
def run(finished_runs: LazyRuns, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    shutil.copytree(finished_runs["linear"].folder, tmp_path / "run")
    return tmp_path / "run"


def _cut(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:100])


def _write(name: str, content: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_text(content)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda _: None, {}),
        (
            lambda run: (run / "model.safetensors").unlink(),
            {"weights": "there is no .safetensors file", "sums": "model.safetensors is missing"},
        ),
        (_cut("model.safetensors"), {"weights": "model.safetensors is broken", "sums": "is another one"}),
        (_write("pytorch_model.bin", ""), {"pickles": "pytorch_model.bin: a pickle or its like"}),
        (_write("config.json", "{"), {"config": "it does not load", "sums": "config.json is another one"}),
        (_write("config.json", '{"model_type": "nothing"}'), {"config": "it does not load", "sums": "is another one"}),
        (lambda run: (run / "manifest.json").unlink(), {"sums": "no manifest.json: no finished run of hfkit"}),
        (_write("manifest.json", "{"), {"sums": "manifest.json cannot be read (it is not JSON)"}),
        (_write("manifest.json", '{"../../secret": "0"}'), {"sums": "../../secret is missing"}),
    ],
)
def test_files_of_a_model(change: Callable[[Path], object], faults: dict[str, str], run: Path) -> None:
    change(run)
    (run.parent.parent / "secret").touch()
    findings = {finding.what.removeprefix("model: "): finding for finding in check_model(str(run))}
    assert set(findings) == {"weights", "pickles", "config", "sums"}
    assert {what for what, finding in findings.items() if finding.level != "ok"} == set(faults)
    for what, message in faults.items():
        assert message in findings[what].detail


def test_a_backbone_is_a_model_too(tiny_backbone: Path) -> None:
    findings = {finding.what: finding for finding in check_model(str(tiny_backbone))}
    assert findings["model: config"].detail.startswith("BertConfig: no model that hfkit saved")
    assert findings["model: sums"].level == "warning"


def write_export(folder: Path) -> Path:
    """Write a folder as `hfkit export` does, whose graph is none."""
    pixels = {"height": 8, "width": 8, "interpolation": "bilinear", "mean": [0, 0, 0], "std": [1, 1, 1]}
    settings = {"model_type": "hfkit-vgg", "task": "image-classification", "labels": ["a", "b"], "pixels": pixels}
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"no graph")
    write_settings(folder, settings | {"rows_at_once": None, "answer_threshold": None})
    return folder


def test_an_exported_model_is_looked_at_as_one(tmp_path: Path, monkeypatch: Patch) -> None:
    """It has neither safetensors nor config.json; its graph is loaded, and its files have sums, too."""
    folder = write_export(tmp_path / "onnx")
    predictor = SimpleNamespace(results=SimpleNamespace(label_names=["a", "b"]))
    with monkeypatch.context() as context:
        context.setattr("hfkit.doctor.model.OnnxPredictor", SimpleNamespace(open=lambda _: predictor))
        context.setattr("hfkit.doctor.model.find_spec", lambda _: True)
        whole = check_model(str(folder))
        context.setattr("hfkit.doctor.model.find_spec", lambda _: None)
        assert levels(check_model(str(folder)))["model: graph"] == "warning"
    assert levels(whole) == {"model: sums": "ok", "model: graph": "ok", "model: pickles": "ok"}
    if find_spec("onnxruntime") is not None:
        assert levels(check_model(str(folder)))["model: graph"] == "error"
    (folder / "model.onnx").write_bytes(b"another")
    assert levels(check_model(str(folder))) == {"model: sums": "error", "model: pickles": "ok"}


def ask(*argv: str) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, ["doctor", *argv, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_check_that_breaks_is_a_finding(run: Path, monkeypatch: Patch) -> None:
    def fail() -> None:
        raise RuntimeError("It broke. Badly.")

    code, findings = ask("--quick", str(run))
    assert (code, {each["level"] for each in findings} - {"warning"}) == (0, {"ok"})
    monkeypatch.setattr("hfkit.doctor.computer.check_devices", fail)
    code, findings = ask("--quick", str(run))
    assert code == 1
    [error] = [each for each in findings if each["level"] == "error"]
    assert (error["what"], error["detail"]) == ("machine", "RuntimeError: It broke")
    assert {"packages", "network", "model: sums"} <= {each["what"] for each in findings}
    shown = CliRunner().invoke(app, ["doctor", "--quick"]).stdout
    assert "error: machine: RuntimeError: It broke. Install the packages again" in shown
    assert "1 error" in shown


@pytest.mark.slow
def test_the_round_trip_trains_and_saves(monkeypatch: Patch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of which nothing is printed: --json has standard output to itself."""
    proven = []

    def prove(folder: Path, model: str) -> str:
        proven.append(
            ((folder / "manifest.json").is_file(), (folder / "proof" / "rows.json").is_file(), model == str(folder))
        )
        return "proven"

    monkeypatch.setattr(round_trip, "prove", prove)
    [finding] = round_trip.check_round_trip()
    assert proven == [(True, True, True)]
    assert finding.detail.endswith(": proven")
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_the_whole_round_trip() -> None:
    code, findings = ask()
    trip = next(each for each in findings if each["what"] == "round trip")
    assert (code, trip["level"]) == (0, "ok")
    assert "labels equal" in trip["detail"]
