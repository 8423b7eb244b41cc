"""Keyword arguments say what a command line says, and are refused as it is."""

from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hfkit.errors import UserError
from hfkit.flags.keywords import keywords_to_argv
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.names import IMAGE_FLAGS, TEXT_FLAGS
from hfkit.flags.parsing import parse_arguments


class Choice(Enum):
    COSINE = "cosine"


def test_each_kind_of_value_is_read_back() -> None:
    keywords: dict[str, Any] = {
        "backbone": Path("some/where"),
        "num_train_epochs": 3,
        "learning_rate": np.float64(1e-3),
        "layers": [1, np.int64(2)],
        "head": "layers",
        "baselines": False,
        "bf16": np.bool_(False),
        "seed": None,
        "text_column": "-a",
        "label_column": "--label",
        "label_names": ("-1", "1"),
        "lr_scheduler_type": Choice.COSINE,
        "lr_scheduler_kwargs": {"num_cycles": 2},
        "unfreeze_from": "none",
    }
    arguments = parse_arguments(keywords_to_argv(keywords, TEXT_FLAGS), (), TEXT)
    assert (arguments.model.backbone, arguments.model.layers) == ("some/where", ["1", "2"])
    assert (arguments.data.text_column, arguments.data.label_column) == (["-a"], ["--label"])
    assert arguments.data.label_names == ["-1", "1"]
    training = arguments.training
    assert (training.num_train_epochs, training.learning_rate, training.baselines, training.bf16) == (
        3,
        1e-3,
        False,
        False,
    )
    assert (training.lr_scheduler_type, training.lr_scheduler_kwargs) == ("cosine", {"num_cycles": 2})
    assert arguments.given == set(keywords) - {"seed"}


def test_images_have_their_own_flags() -> None:
    argv = keywords_to_argv({"image_size": 32, "two_heads": True}, IMAGE_FLAGS)
    arguments = parse_arguments(argv, (), IMAGE)
    assert (arguments.data.image_size, arguments.model.two_heads) == (32, True)
    with pytest.raises(UserError, match="Unknown keyword 'image_size'"):
        keywords_to_argv({"image_size": 32}, TEXT_FLAGS)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"unfreez_from": "none"}, UserError, "Unknown keyword 'unfreez_from': did you mean 'unfreeze_from'"),
        ({"lr": 1e-3}, UserError, "'lr' is a short name for the command line alone: write learning_rate"),
        ({"warmup_ratio": 0.1}, UserError, "'warmup_ratio' is not in use any more: write warmup_steps"),
        ({"dataset": "sample"}, UserError, "the data is the first argument"),
        ({"help": True}, UserError, "for the command line alone"),
        ({"no_baselines": True}, UserError, "Unknown keyword 'no_baselines': did you mean 'baselines'"),
        ({"backbone": pd.DataFrame()}, TypeError, "backbone is a DataFrame"),
        ({"layers": [[1]]}, TypeError, "layers is a list"),
        ({"layers": []}, ValueError, "layers is an empty list"),
        ({"label_names": ["a", "-h"]}, ValueError, "would be read as a flag"),
    ],
)
def test_refusals(keywords: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        keywords_to_argv(keywords, TEXT_FLAGS)


@pytest.mark.parametrize("keywords", [{"head": "mlp"}, {"num_train_epochs": "many"}, {"num_train_epochs": [1, 2]}])
def test_values_are_refused_by_the_parser_in_a_sentence(keywords: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        parse_arguments(keywords_to_argv(keywords, TEXT_FLAGS), (), TEXT)
