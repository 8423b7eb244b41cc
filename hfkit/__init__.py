"""hfkit: transfer learning of classifiers with the Hugging Face Trainer.

    from hfkit import load_pipeline
    classify = load_pipeline("runs/fakenews-20261123-120000")
    classify("Drinking bleach cures COVID-19.")
    classify.predict(table)  # a pandas DataFrame with its columns, and prediction, confidence and scores

The public names are loaded when they are first used, so that importing hfkit costs nothing. A model's class is registered
with transformers' Auto classes when it is loaded; `hfkit.models.register()` registers all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models import (
        DeitClassifier,
        DeitClassifierConfig,
        DenseNetClassifier,
        DenseNetClassifierConfig,
        TextClassifier,
        TextClassifierConfig,
        TimmClassifier,
        TimmClassifierConfig,
        VggClassifier,
        VggClassifierConfig,
    )
    from .prediction.pipelines import ImageClassificationPipeline, TextClassificationPipeline, load_pipeline

__version__ = "0.1.0"

__all__ = [
    "DeitClassifier",
    "DeitClassifierConfig",
    "DenseNetClassifier",
    "DenseNetClassifierConfig",
    "ImageClassificationPipeline",
    "TextClassificationPipeline",
    "TextClassifier",
    "TextClassifierConfig",
    "TimmClassifier",
    "TimmClassifierConfig",
    "VggClassifier",
    "VggClassifierConfig",
    "load_pipeline",
]


_OF_PREDICTION = {"ImageClassificationPipeline", "TextClassificationPipeline", "load_pipeline"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        room = ".prediction.pipelines" if name in _OF_PREDICTION else ".models"
        return getattr(import_module(room, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
