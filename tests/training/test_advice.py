"""What is said of the losses of a finished training."""

from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from hfkit.evaluation.baselines import chance_loss
from hfkit.freezing import FreezePlan
from hfkit.training.advice import advise

ROWS = Dataset.from_dict({"label": [0, 0, 0, 1]})  # an entropy of 0.5623


def history(train: list[float], validation: list[float]) -> list[dict[str, float]]:
    """Return a log of one training and one validation loss an epoch."""
    losses = [{"loss": loss, "epoch": epoch + 1.0} for epoch, loss in enumerate(train)]
    return losses + [{"eval_loss": loss, "epoch": epoch + 1.0} for epoch, loss in enumerate(validation)]


@pytest.mark.parametrize(
    ("train", "validation", "code"),
    [
        ([0.6, 0.56], [0.6, 0.6], "no_better_than_chance"),
        ([0.6, 0.50], [0.6, 0.5], "still_learning"),
        ([0.6, 0.50], [0.5, 0.6], None),
        ([0.5, 0.49], [0.6, 0.5], None),
        ([0.5], [0.5], None),
        ([0.5, 0.4], [], None),
        ([], [], None),
    ],
)
def test_advice(train: list[float], validation: list[float], code: str | None) -> None:
    training: Any = type("training", (), {"max_steps": -1, "num_train_epochs": 2.0, "solver": None})
    notes = advise(history(train, validation), ROWS, training, FreezePlan("all"))
    assert [note.code for note in notes] == [code] * (code is not None)
    if code == "still_learning":
        assert "more than --num_train_epochs 2" in notes[0].text
    if code == "no_better_than_chance":
        assert "did not fall clearly below 0.5623" in notes[0].text
        assert "--unfreeze_from" not in notes[0].text
        [frozen] = advise(history(train, validation), ROWS, training, FreezePlan("none"))
        assert "--head_learning_rate, more steps, --unfreeze_from all" in frozen.text


def test_chance_is_the_entropy_of_the_labels() -> None:
    assert chance_loss(np.array([5, 5])) == pytest.approx(np.log(2))
    assert chance_loss(np.array([4, 0])) == 0
