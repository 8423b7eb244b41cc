"""A run's folder that is damaged against its own sums is refused by all that load its model, and the file named."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_runs import PHOTO_RUN, TEXT_RUN
from rich.console import Console

from hfkit import load_pipeline
from hfkit.commands.doctor import profile
from hfkit.errors import UserError
from hfkit.export.request import ExportRequest
from hfkit.export.run import export_model
from hfkit.prediction.opening import open_predictor
from hfkit.run_folders.manifest import check_saved_model
from hfkit.tasks.image import train_images
from hfkit.tasks.text import train_texts


def train_on(run: Path) -> None:
    """Start a run on the damaged one, which ends before the data are looked at."""
    is_text = (run / "tokenizer.json").exists()
    train = train_texts if is_text else train_images
    dataset = "sample" if is_text else "digits"
    train(["--backbone", str(run), "--dataset", dataset, "--use_cpu", "true", "--output_dir", str(run.parent / "new")])


def export(run: Path) -> None:
    """Export the damaged run."""
    export_model(ExportRequest(str(run), run.parent / "onnx"), Console(file=io.StringIO()))


DOORS: dict[str, Callable[[Path], object]] = {
    "--backbone": train_on,
    "profile": lambda run: profile(str(run), []),
    "export": export,
    "predict": lambda run: open_predictor(str(run)),
    "load_pipeline": load_pipeline,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("run", [TEXT_RUN, PHOTO_RUN], ids=["texts", "photos"])
def test_a_damaged_run_is_refused(run: Path, door: str, tmp_path: Path) -> None:
    """One byte of its weights is another: they load, and would give other scores."""
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    check_saved_model(folder)
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises((UserError, ValueError), match=r"holds a damaged model \(model.safetensors is not what its run"):
        DOORS[door](folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
