"""All flags of a run with those of `transformers.TrainingArguments`, which imports torch."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .arguments import DataArguments, ModelArguments, TextDataArguments, TextModelArguments
from .image_arguments import ImageDataArguments, ImageModelArguments
from .training_arguments import ImageTrainingArguments, TrainingArguments

__all__ = [
    "IMAGE",
    "TEXT",
    "Arguments",
    "ImageDataArguments",
    "ImageModelArguments",
    "TextDataArguments",
    "TextModelArguments",
    "TrainingArguments",
]

Model = TypeVar("Model", bound=ModelArguments)
Data = TypeVar("Data", bound=DataArguments)
Kinds = tuple[type[Model], type[Data], type[TrainingArguments]]
"""The three dataclasses of flags of a recipe: model, data, training."""

TEXT: Kinds[TextModelArguments, TextDataArguments] = (TextModelArguments, TextDataArguments, TrainingArguments)
IMAGE: Kinds[ImageModelArguments, ImageDataArguments] = (
    ImageModelArguments,
    ImageDataArguments,
    ImageTrainingArguments,
)


@dataclass(frozen=True)
class Arguments(Generic[Model, Data]):
    """The flags of one run, as they were given.

    Attributes:
        model: What is trained.
        data: What it is trained on.
        training: How.
        given_output_dir: `--output_dir` as it was given; None: a new folder.
        flags: What `hfkit.yaml` holds: all flags of ours, and those of transformers that differ from their default.
        given: Names of the flags that were given, on the command line or in a file.
        filled_in: Values that an earlier run had chosen and that hold for this one, too, since it is the same run again, or
            begins with the model of that run.
        on_command_line: Names of the given flags that stood on the command line.

    """

    model: Model
    data: Data
    training: TrainingArguments
    given_output_dir: str | None
    flags: dict[str, Any]
    given: frozenset[str] = frozenset()
    filled_in: dict[str, Any] = field(default_factory=dict)
    on_command_line: frozenset[str] = frozenset()
