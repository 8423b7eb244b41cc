"""`hfkit export`: a folder that gives a model's scores without PyTorch, or nothing at all."""

import csv
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import LazyRuns
from processes import run_command
from tiny import QUICK_NAMES, TEXT_NAMES, TINY
from typer.testing import CliRunner, Result

from hfkit.backbones.lora import LoraPlan, find_adapters, merge_adapters
from hfkit.commands.main import app
from hfkit.doctor.model import check_model
from hfkit.errors import UserError
from hfkit.export import clean_prediction, parity, quantise
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.prediction import onnx_predictor

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="needs onnx, onnxscript and onnxruntime: pip install 'hfkit[onnx]'",
)
FIRST = {"hfkit-text/bert-bigru", "hfkit-deit/two-heads"}
"""Models that are exported by day; the others by night."""
assert FIRST <= QUICK_NAMES


def call(*argv: object, stdin: str | None = None) -> Result:
    """Run the command in this process; a user's mistake is raised."""
    result = CliRunner().invoke(app, list(map(str, argv)), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def sharpen(model: BackboneClassifier) -> BackboneClassifier:
    """Let a random model tell its inputs apart: what it ignored would otherwise not be seen in its scores."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and parameter.is_floating_point():
                scale = 2 * parameter.shape[-1] ** -0.5 if name.startswith("classifier") else 0.3
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.nightly) for name in TINY]
)
def test_each_model_gives_its_scores(
    name: str, make_model: Callable[[str], BackboneClassifier], tmp_path: Path
) -> None:
    """Of batches of any size; the graph's own model stays as it was."""
    from hfkit.export.graph import make_inputs, write_graph

    onnxruntime = pytest.importorskip("onnxruntime")
    model = sharpen(make_model(name)) if name in TEXT_NAMES else make_model(name)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    write_graph(model, tmp_path)
    assert model.state_dict().keys() == before.keys()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    seen, differences = [], []
    for rows, tokens in [(1, 1), (2, 7), (5, 32), (1, 20)]:
        inputs = make_inputs(model, rows, tokens, seed=rows)
        [logits] = session.run(None, {key: tensor.numpy() for key, tensor in inputs.items()})
        with torch.no_grad():
            expected = model(**inputs).logits
        np.testing.assert_allclose(torch.tensor(logits).softmax(-1), expected.softmax(-1), atol=parity.TOLERANCE)
        seen.append(expected)
        differences.append(np.abs(logits - expected.numpy()).max())
    # Random nets tell inputs apart by little: what the graph ignored would be as large as that.
    spread = (torch.cat(seen).amax(dim=0) - torch.cat(seen).amin(dim=0)).max()
    assert max(differences) < 0.01 * spread


@pytest.mark.slow
def test_merged_adapters_are_exported(make_model: Callable[[str], BackboneClassifier], tmp_path: Path) -> None:
    """A merged model is an ordinary one, of which the graph gives what the adapters gave."""
    from hfkit.export.graph import make_inputs, write_graph

    model = sharpen(make_model("hfkit-text/bert-linear"))
    FreezePlan("none", lora=LoraPlan(rank=2)).apply(model)
    for adapter in find_adapters(model).values():
        torch.nn.init.normal_(adapter.lora_B["default"].weight, std=0.5)
    inputs = make_inputs(model, 3, 11)
    before = model.eval()(**inputs).logits.detach()
    assert merge_adapters(model)
    write_graph(model, tmp_path)
    session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "model.onnx")
    [logits] = session.run(None, {key: tensor.numpy() for key, tensor in inputs.items()})
    np.testing.assert_allclose(logits, before, atol=1e-4)


def proof_scores(folder: Path) -> tuple[list[str], np.ndarray]:
    proof = json.loads((folder / "proof" / "rows.json").read_text())
    return proof["inputs"], np.array(proof["scores"])


@pytest.fixture(scope="module")
def exported(finished_runs: LazyRuns, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the run with a BiGRU, n-grams, cleaning and a threshold, and its folder in ONNX."""
    run, folder = finished_runs["bigru"].folder, tmp_path_factory.mktemp("exported") / "new" / "onnx"
    said = call("export", run, "--to", "onnx", "--output_dir", folder).stdout
    rows = len(proof_scores(run)[0])
    assert f"{rows} held-out rows of the run, by predict.py in a process without torch" in said
    assert [path.name for path in folder.parent.iterdir()] == ["onnx"]
    return run, folder


@pytest.mark.slow
def test_the_folder_is_whole(exported: tuple[Path, Path]) -> None:
    run, folder = exported
    assert {finding.what: finding.level for finding in check_model(str(folder))} == {
        "model: sums": "ok",
        "model: graph": "ok",
        "model: pickles": "ok",
    }
    names = {
        "model.onnx",
        "tokenizer.json",
        "predict.py",
        "cleaning.py",
        "long_texts.py",
        "scores.py",
        "export.json",
        "manifest.json",
    }
    assert {path.name for path in folder.iterdir()} == names
    sums = json.loads((folder / "manifest.json").read_text())
    assert sums.keys() == names - {"manifest.json"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == value for name, value in sums.items())
    settings, config = (json.loads(path.read_text()) for path in (folder / "export.json", run / "config.json"))
    assert settings["labels"] == list(config["id2label"].values())
    for name in ("max_length", "cleaning", "answer_threshold"):
        assert settings[name] == config[name]
    assert settings["proof"]["rows"] == len(proof_scores(run)[0])
    assert settings["proof"]["difference"] <= parity.TOLERANCE


@pytest.mark.slow
def test_ngrams_are_made_of_operators_that_old_runtimes_have(exported: tuple[Path, Path]) -> None:
    """All stand in ONNX itself, in a version of 2023; none is torch's `searchsorted` or `bucketize`, which no runtime has."""
    import onnx

    run, folder = exported
    assert json.loads((run / "config.json").read_text())["ngram_count"] > 0
    model = onnx.load(folder / "model.onnx")
    [version] = [entry.version for entry in model.opset_import if entry.domain == ""]
    assert version <= 20, version
    assert not model.functions
    assert {node.domain for node in model.graph.node} == {""}
    kinds = {node.op_type for node in model.graph.node}
    assert kinds <= {schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""}
    assert not [kind for kind in kinds if any(name in kind.lower() for name in ("searchsorted", "bucketize", "aten"))]
    assert kinds & {"TopK", "CumSum", "ScatterElements"}  # of the n-grams: a sort, their groups, and counts


@pytest.mark.slow
def test_its_script_needs_no_torch(exported: tuple[Path, Path]) -> None:
    """In the process of the proof no torch, transformers or hfkit can be imported; here the script runs as a person runs it."""
    run, folder = exported
    inputs, scores = proof_scores(run)
    given = clean_prediction.predict_in_clean_process(folder, inputs, ["fake", "real"])
    np.testing.assert_allclose(given, scores, atol=parity.TOLERANCE, rtol=0)
    code = "import predict, sys; answers = predict.load().predict(['', 'garlic \\U0001f637']); "
    code += "print(answers[0]['answered'], 'torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert process.stdout.split()[0] in ("True", "False")
    assert process.stdout.split()[1] == "False"


@pytest.mark.slow
def test_the_clean_process_blocks_what_it_says(exported: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text("import torch\n")
    with pytest.raises(UserError, match=r"without torch and transformers \(.*No module named 'torch' \(blocked\)"):
        clean_prediction.predict_in_clean_process(tmp_path, [""], ["fake", "real"])


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_predict_reads_the_folder_without_torch(exported: tuple[Path, Path], tweets: Path, tmp_path: Path) -> None:
    run, folder = exported
    code, said, imported = run_command(
        "predict", str(folder), str(tweets / "test.csv"), "-o", str(tmp_path / "onnx.csv")
    )
    assert code == 0, said
    assert "torch" not in imported
    assert "transformers" not in imported
    call("predict", run, tweets / "test.csv", "-o", tmp_path / "torch.csv")
    rows, expected = read_csv(tmp_path / "onnx.csv"), read_csv(tmp_path / "torch.csv")
    assert list(rows[0]) == list(expected[0])
    for row, other in zip(rows, expected, strict=True):
        assert {key: row[key] for key in ("tweet", "prediction")} == {
            key: other[key] for key in ("tweet", "prediction")
        }
        assert float(row["score_real"]) == pytest.approx(float(other["score_real"]), abs=parity.TOLERANCE)
    whole = (tmp_path / "onnx.csv").read_bytes()
    call("predict", folder, tweets / "test.csv", "-o", tmp_path / "onnx.csv", "--overwrite")
    assert (tmp_path / "onnx.csv").read_bytes() == whole


@pytest.mark.slow
def test_a_damaged_folder_is_named(exported: tuple[Path, Path], tmp_path: Path) -> None:
    """By `hfkit predict`, and by the folder's own script."""
    from hfkit.prediction import onnx_model

    _, folder = exported
    copy = tmp_path / "copy"
    for change, message in (
        (lambda: (copy / "tokenizer.json").write_text("{}"), "tokenizer.json is not what was written"),
        (lambda: (copy / "scores.py").unlink(), "scores.py is missing"),
        (lambda: change_settings(copy, max_length="9"), "export.json has no max_length that can be used"),
        (lambda: change_settings(copy, cleaning=["__import__"]), "export.json has no cleaning that can be used"),
        (lambda: (copy / "manifest.json").write_text('{"../x": ""}'), r"\.\./x is no file of the folder"),
    ):
        copy.mkdir()
        for path in folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        change()
        with pytest.raises(UserError, match=message):
            call("predict", copy, "Some words.")
        if (
            "export.json" not in message
        ):  # what stands under its sum, but is no value, is for the script to stumble over
            with pytest.raises(ValueError, match=r"^\S+ is damaged \(.*export the model again"):
                onnx_model.load(copy)
        for path in copy.iterdir():
            path.unlink()
        copy.rmdir()


def change_settings(folder: Path, **values: Any) -> None:
    write_under_its_sum(folder, "export.json", {**json.loads((folder / "export.json").read_text()), **values})


def write_under_its_sum(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(json.dumps(content))
    sums = json.loads((folder / "manifest.json").read_text())
    sums[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(sums))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ["x", "x"]}, "has no labels that can be used"),
        ({"label_thresholds": [0.5]}, "has no label_thresholds that can be used"),
        ({"label_thresholds": "ab"}, "has no label_thresholds that can be used"),
        ({"labels": ["x", "y", "z"]}, "one number for each of its 3 labels"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(
    settings: dict[str, Any], message: str, exported: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(exported[1], tmp_path / "copy")
    change_settings(tmp_path / "copy", **settings)
    with pytest.raises(UserError, match=message):
        call("predict", tmp_path / "copy", "Some words.")


@pytest.mark.slow
def test_a_tokenizer_that_lengthens_texts_is_refused(exported: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(exported[1], tmp_path / "copy")
    tokenizer = json.loads((tmp_path / "copy" / "tokenizer.json").read_text())
    rules = [{"type": "Replace", "pattern": {"Regex": "."}, "content": "b" * 1000}] * 3
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": rules}
    write_under_its_sum(tmp_path / "copy", "tokenizer.json", tokenizer)
    with pytest.raises(UserError, match="rules that make a short text a long one"):
        call("predict", tmp_path / "copy", "Some words.")


@pytest.mark.slow
def test_an_exported_folder_is_no_model_of_torch(exported: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a model in ONNX, which hfkit predict reads"):
        call("export", exported[1], "--output_dir", tmp_path / "again")


@pytest.mark.slow
def test_nothing_stays_of_an_export_that_fails(
    finished_runs: LazyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_runs["linear"].folder
    with monkeypatch.context() as context:
        context.setattr(parity, "TOLERANCE", -1.0)
        with pytest.raises(UserError, match="gives other scores than the model of PyTorch for random batches"):
            call("export", run, "--output_dir", tmp_path / "a" / "onnx")
    other = clean_prediction.find_reference

    def moved(*arguments: Any) -> clean_prediction.Reference:
        reference = other(*arguments)
        return clean_prediction.Reference(reference.inputs, reference.scores[::-1], reference.source)

    with monkeypatch.context() as context:
        context.setattr(clean_prediction, "find_reference", moved)
        with pytest.raises(UserError, match=r"other scores .* for \d+ held-out rows of the run"):
            call("export", run, "--output_dir", tmp_path / "a" / "onnx")
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.slow
def test_int8_says_what_it_costs(finished_runs: LazyRuns, tweets: Path, tmp_path: Path) -> None:
    run, folder = finished_runs["linear"].folder, tmp_path / "small"
    result = call("export", run, "--int8", "--data", tweets / "test.csv", "--output_dir", folder)
    settings = json.loads((folder / "export.json").read_text())["int8"]
    assert settings["bytes"] == (folder / "model.onnx").stat().st_size < settings["bytes_before"]
    for name in ("float32", "int8"):
        assert f"{settings[f'{name}_accuracy']:.4f} (" in result.stdout
        assert settings[f"{name}_accuracy_low"] <= settings[f"{name}_accuracy"] <= settings[f"{name}_accuracy_high"]
    recorded = finished_runs["linear"].results["test_accuracy"]
    assert settings["float32_accuracy"] == pytest.approx(recorded)
    call("predict", folder, tweets / "test.csv", "-o", tmp_path / "out.csv", "--batch_size", 5)
    rows = read_csv(tmp_path / "out.csv")
    right = np.mean([row["prediction"] == row["label"] for row in rows])
    assert right == pytest.approx(settings["int8_accuracy"])
    alone = json.loads(call("predict", folder, rows[0]["tweet"], "--json").stdout)
    assert alone["score_real"] == pytest.approx(float(rows[0]["score_real"]), abs=1e-6)


@pytest.mark.slow
def test_int8_without_labels_counts_equal_answers(finished_runs: LazyRuns, tmp_path: Path) -> None:
    """Of a model with a GRU and n-grams, both of which stay as they are."""
    run, folder = finished_runs["bigru"].folder, tmp_path / "small"
    result = call("export", run, "--int8", "--output_dir", folder)
    rows = len(proof_scores(run)[0])
    settings = json.loads((folder / "export.json").read_text())["int8"]
    assert f"the label of float32 in {settings['same_label'] / rows:.1%} (" in result.stdout
    assert f"of {rows} held-out rows of the run" in result.stdout
    assert settings["same_label_low"] <= settings["same_label"] / rows <= settings["same_label_high"]
    assert 0 < settings["largest_difference"] < 0.2


@pytest.mark.slow
def test_a_net_without_matrices_is_not_stored_in_8_bits(
    finished_runs: LazyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of convolutions alone, which this one is made out to be."""
    monkeypatch.setattr(quantise, "OPERATORS", ["LSTM"])
    with pytest.raises(UserError, match="Almost nothing of this model can be stored in 8 bits"):
        call("export", finished_runs["linear"].folder, "--int8", "--output_dir", tmp_path / "small")
    assert list(tmp_path.iterdir()) == []


def test_agreement_and_accuracy_are_counted() -> None:
    before, after = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([[0.8, 0.2], [0.4, 0.6], [0.2, 0.8]])
    said, values = quantise.describe_agreement("3 rows", before, after)
    assert "the label of float32 in 66.7% (20.8% to 93.9%) of 3 rows" in said
    assert values["largest_difference"] == pytest.approx(0.2)
    said, values = quantise.LabelledScores("rows.csv", np.array([0, 0, 1]), before, after).describe()
    assert (values["float32_accuracy"], values["int8_accuracy"]) == (1.0, pytest.approx(2 / 3))
    assert "int8 is not told apart from float32" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm", pytest.param("token-learner", marks=pytest.mark.nightly)])
def test_photos(name: str, finished_image_runs: LazyRuns, photos: Path, tmp_path: Path) -> None:
    """Turned, grey, transparent and very wide ones, which numpy resizes to the pixels of torchvision."""
    run, folder = finished_image_runs[name].folder, tmp_path / "onnx"
    call("export", run, "--output_dir", folder)
    names = {"model.onnx", "predict.py", "scores.py", "pixels.py", "image_files.py", "export.json", "manifest.json"}
    assert {path.name for path in folder.iterdir()} == names
    code, said, imported = run_command("predict", str(folder), str(photos / "test"), "-o", str(tmp_path / "onnx.csv"))
    assert (code, "torch" in imported) == (0, False), said
    call("predict", run, photos / "test", "-o", tmp_path / "torch.csv")
    for row, other in zip(*(read_csv(tmp_path / f"{kind}.csv") for kind in ("onnx", "torch")), strict=True):
        assert (row["file"], row["prediction"]) == (other["file"], other["prediction"])
        assert float(row["score_cat"]) == pytest.approx(float(other["score_cat"]), abs=parity.TOLERANCE)
    (tmp_path / "broken.png").write_bytes(b"no photo")
    assert "broken.png cannot be read: an unreadable image." in call("predict", folder, tmp_path / "broken.png").stderr
    with pytest.raises(UserError, match="classifies photos, and the text holds none"):
        call("predict", folder, "Some words.")


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("size", [(20, 16), (32, 32), (33, 91), (400, 300), (1, 1), (2000, 3)])
def test_pixels_are_those_of_the_processor(interpolation: str, size: tuple[int, int]) -> None:
    from PIL import Image

    from hfkit.data.transforms import make_processor
    from hfkit.models.image import Preprocessing
    from hfkit.prediction.pixels import make_pixels

    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3)).astype("uint8")
    record = Preprocessing("", 32, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), interpolation)
    expected = make_processor(record, 32)(Image.fromarray(pixels), return_tensors="pt")["pixel_values"][0]
    given = make_pixels(pixels, (32, 32), interpolation, record.mean, record.std)
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_onnxruntime_may_come_from_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as onnxruntime-gpu, of which a package onnxruntime has no version."""

    def no_onnxruntime(name: str) -> str:
        if name == "onnxruntime":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(onnx_predictor, "version", no_onnxruntime)
    (tmp_path / "manifest.json").write_text("{}")
    model: Any = None
    assert onnx_predictor.OnnxPredictor(tmp_path, {}, model, model).checksum("settings")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["./nothing"], "There is no model ./nothing"),
        (["user/model", "--data", "rows.csv"], "--data measures what --int8 costs: add --int8"),
        (["user/model", "--int8", "--data", "rows.csv"], "There is no file or folder rows.csv"),
        (["user/model", "--output_dir", "."], ". is there already: name another --output_dir"),
    ],
)
def test_refusals_are_light(argv: list[str], message: str) -> None:
    code, said, imported = run_command("export", *argv)
    assert (code, imported) == (2, "[]")
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1
