"""Small saved models for the page, without a training: runs that an older version left, changed where a test wants it."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from conftest import ROOT

TEXT_RUN = ROOT / "tests" / "older_runs" / "text" / "finished"
PHOTO_RUN = ROOT / "tests" / "older_runs" / "image" / "finished"
HOSTILE_LABEL = "<b>fake</b>"
HOSTILE_TEXT = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script> ${window.hacked=1}'


def copy_run(source: Path, folder: Path, **config: Any) -> Path:
    """Copy a run with other values in its configuration."""
    shutil.copytree(source, folder)
    (folder / "manifest.json").unlink()  # it tells changed files
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **config}))
    return folder


def write_hostile_run(folder: Path) -> Path:
    """Write a run of texts whose labels and rows are markup."""
    labels = {"id2label": {"0": HOSTILE_LABEL, "1": "real"}, "label2id": {HOSTILE_LABEL: 0, "real": 1}}
    copy_run(TEXT_RUN, folder, **labels)
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [(1, HOSTILE_TEXT, HOSTILE_LABEL, "real"), (2, "hospital reports new cases", "real", "real")]
        csv.writer(file).writerows([("row", "text", "label", "prediction"), *rows])
    return folder
