"""`Run.evaluate` takes what the verb takes, and hands it on."""

from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_runs import write_run

import hfkit
from hfkit.commands.predict import evaluate
from hfkit.flags.tables import TableFlags

NAMES = {"text_column": "text", "label_column": "label", "image_column": "image"}
WITHOUT = {"model", "revision", "as_json"}
"""The run is the model, and what comes back are values."""


def test_it_takes_what_the_verb_takes() -> None:
    of_verb = {NAMES.get(name, name) for name in signature(evaluate).parameters} - WITHOUT
    assert of_verb - set(signature(TableFlags).parameters) <= set(signature(hfkit.Run.evaluate).parameters)


def test_it_hands_on_how_a_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / "config.json").touch()
    data = tmp_path / "rows.txt"
    data.write_text("a|b\n")
    run = hfkit.Run(tmp_path / "run")
    monkeypatch.setitem(vars(run), "pipeline", SimpleNamespace(tokenizer=object()))
    asked: list[Any] = []
    monkeypatch.setattr(
        "hfkit.tasks.finished_run.evaluate_model", lambda request, _: (asked.append(request), {"test_accuracy": 1.0})
    )
    given: dict[str, Any] = {"separator": "pipe", "header": False, "encoding": "cp1252"}
    assert run.evaluate(str(data), label_separator=";", **given) == {"test_accuracy": 1.0}
    with pytest.raises(TypeError, match="seperator"):
        run.evaluate(str(data), seperator=";")
    assert (asked[0].label_separator, asked[0].table_flags) == (";", TableFlags(**given))
