"""hfkit: transfer learning of classifiers with the Hugging Face Trainer.

    run = hfkit.train_text_classifier(table, text="tweet", label="label", backbone="minilm")
    run.predict(["Drinking bleach cures COVID-19."])

    classify = hfkit.load_pipeline("runs/fakenews-20261123-120000")
    classify("Drinking bleach cures COVID-19.")
    classify.predict(table)  # a pandas DataFrame with its columns, and prediction, confidence and scores

The public names are loaded when they are first used, so that importing hfkit costs nothing. A model's class is registered
with transformers' Auto classes when it is loaded; `hfkit.models.register()` registers all of them.
"""

import warnings
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
    from .tasks.finished_run import Run
    from .tasks.from_python import train_image_classifier, train_text_classifier

__version__ = "0.1.0"

__all__ = [
    "DeitClassifier",
    "DeitClassifierConfig",
    "DenseNetClassifier",
    "DenseNetClassifierConfig",
    "ImageClassificationPipeline",
    "Run",
    "TextClassificationPipeline",
    "TextClassifier",
    "TextClassifierConfig",
    "TimmClassifier",
    "TimmClassifierConfig",
    "VggClassifier",
    "VggClassifierConfig",
    "load_pipeline",
    "train_image_classifier",
    "train_text_classifier",
]


_HOMES = {
    **dict.fromkeys(
        ("ImageClassificationPipeline", "TextClassificationPipeline", "load_pipeline"), ".prediction.pipelines"
    ),
    **dict.fromkeys(("train_image_classifier", "train_text_classifier"), ".tasks.from_python"),
    "Run": ".tasks.finished_run",
}
"""Where the public names are that are no models."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        with warnings.catch_warnings():
            # Of tqdm's, when it is imported in a notebook without ipywidgets: it shows bars of text then.
            warnings.filterwarnings("ignore", "IProgress not found")
            return getattr(import_module(_HOMES.get(name, ".models"), __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
