"""Everything here runs offline, on tiny models; what needs real data or minutes is marked."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_EVALUATE_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import TINY, tiny_tokenizer, write_tiny_backbone
from transformers import PreTrainedTokenizerBase

from hfkit.models.base import BackboneClassifier

ROOT = Path(__file__).parent.parent
TEST_DATA = Path(os.environ.get("HFKIT_TEST_DATA", ROOT.parent / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests on real data where there is none, and say so."""
    for item in items:
        if item.get_closest_marker("real_data") and not TEST_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"needs real data in HFKIT_TEST_DATA ({TEST_DATA} is not there)"))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """Return a real WordPiece tokenizer with a few hundred words."""
    return tiny_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def _built() -> dict[str, BackboneClassifier]:
    torch.manual_seed(0)
    return {name: build().eval() for name, build in TINY.items()}


@pytest.fixture
def make_model(_built: dict[str, BackboneClassifier]) -> Callable[[str], BackboneClassifier]:
    """Return a function that gives a fresh copy of a tiny model by its name."""
    return lambda name: copy.deepcopy(_built[name])


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT checkpoint, as pretraining leaves it, and its tokenizer."""
    return write_tiny_backbone(tmp_path_factory.mktemp("tiny-bert"))
