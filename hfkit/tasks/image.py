"""Image classification: from a command line to a task, and its run."""

import os
from collections.abc import Sequence
from pathlib import Path

from datasets import DatasetDict
from transformers import default_data_collator

from ..backbones.image import build_image_classifier, check_backbone
from ..data.augmented import frozen_images
from ..data.images import ImageSource, load_image_data
from ..data.resized import keep_resized
from ..data.transforms import BatchTransform, describe_changes, make_training_transform
from ..flags.kinds import IMAGE, Arguments, ImageDataArguments, ImageModelArguments
from ..notes import Note
from ..report.illustrations import illustrate_images
from ..task import Task
from .train import hold_out_certification, read_flags, train

DEMO = ["--backbone", "efficientnet_lite0", "--dataset", "digits", "--image_size", "48", "--augment", "none"]
# Digits have nothing of the photos that the weights were trained on: BatchNorm has to learn their statistics.
DEMO += ["--learning_rate", "1e-3", "--num_train_epochs", "3", "--keep_batch_norm", "false"]
DEFAULTS = ["--backbone", "efficientnet_lite0", "--dataset", "cifar10"]

ImageArguments = Arguments[ImageModelArguments, ImageDataArguments]


def train_images(argv: Sequence[str] | None = None, name: str | None = None) -> tuple[Path, dict[str, float]]:
    """Train an image classifier as a command line says, and return its folder and the results.

    Args:
        argv: Flags; default: those of the process.
        name: What the name of a new run's folder begins with; default: what the data are called.

    Raises:
        UserError: A flag, the data or the backbone is not as it must be.

    """
    return train(*read_image_flags(argv), make_image_task, name)


def read_image_flags(argv: Sequence[str] | None) -> tuple[ImageArguments, str]:
    """Read the flags, with those of the demo where neither backbone nor dataset is given; also return the log's first line."""
    arguments, line = read_flags(argv, IMAGE, DEMO, DEFAULTS)
    check_backbone(arguments.model)  # says at once, before the images are read, if there is no such backbone
    return arguments, line


def make_image_task(arguments: ImageArguments, source: ImageSource | None = None) -> Task:
    """Read and resize the images, and load the backbone under a new head.

    Args:
        arguments: The flags.
        source: The data, where they were values in Python; default: they are read as the flags say.

    Raises:
        UserError: The data or the backbone is not as it must be.

    """
    options = arguments.data
    data = hold_out_certification(load_image_data(options, source), arguments)
    model, processor, weights = build_image_classifier(
        arguments.model, options.image_size, data.label_names, data.is_multi_label
    )
    images, kept = keep_resized(data.splits, processor)
    changes = Note("augmentation", describe_changes(options))
    changing, epoch = make_training_transform(processor, options, len(data.label_names), arguments.training.seed)
    plain = BatchTransform(processor)
    return Task(
        model=model,
        processor=processor,
        collator=default_data_collator,
        rows=data.splits,
        inputs=DatasetDict(
            {split: rows.with_transform(changing if split == "train" else plain) for split, rows in images.items()}
        ),
        label_names=data.label_names,
        data_notes=[*data.notes, kept],
        notes=[weights, Note("head", model.describe_head()), changes],
        learning_rate=(1e-4, "default"),
        tables={"dropped_rows.csv": data.dropped} if len(data.dropped) else {},
        usage=describe_usage(options.dataset, data.splits["validation"].select_columns("file")[0]["file"]),
        frozen=frozen_images(images, processor, options, arguments.training.seed),
        illustrate=illustrate_images(data, model, processor),
        epoch=epoch,
    )


def describe_usage(dataset: str | None, file: str) -> str:
    """Return lines that load a model and classify a photo of the user's, or one of any name where the data are no files.

    Args:
        dataset: Name of the data.
        file: What a row calls its photo.

    """
    folder = Path(os.path.expanduser(dataset or ""))
    places = [str(place / file) for place in (folder, folder.parent)]  # data may be a table beside the photos
    photo = next((place for place in places if os.path.isfile(place)), "photo.jpg")
    escaped = repr(photo).replace("{", "{{").replace("}", "}}")
    return f'from hfkit import load_pipeline\nprint(load_pipeline("{{folder}}")({escaped}))'
