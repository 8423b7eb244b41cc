"""Image classification: VGG19, DenseNet201, DeiT or any model of timm with an MLP or linear head, partly unfrozen.

    accelerate launch --config_file accelerate_config.yaml recipes/cifar10.py
    accelerate launch --config_file accelerate_config.yaml recipes/cifar10.py \
        --backbone deit_base_distilled_patch16_224 --unfreeze_from blocks.11

Without --backbone and --dataset it runs a demo on scikit-learn's digits. --help explains every flag; --config FILE.yaml gives
them too (the folder of this file has some); --debug, without a value, shows the traceback of an error.
"""

from collections.abc import Sequence

from datasets import DatasetDict
from transformers import default_data_collator

from hfkit.backbones.image import build_image_classifier, family_of
from hfkit.data.augmented import frozen_images
from hfkit.data.images import load_image_data
from hfkit.data.resized import keep_resized
from hfkit.data.transforms import BatchTransform, describe_changes, make_augmentation, make_mixing
from hfkit.flags.arguments import IMAGE
from hfkit.flags.parsing import parse_recipe
from hfkit.report.illustrations import illustrate_images
from hfkit.task import Task
from hfkit.training.launch import run_recipe, start_run
from hfkit.training.run import train_classifier

USAGE = """from hfkit import load_pipeline
print(load_pipeline("{folder}")("photo.jpg"))"""

DEMO = ["--backbone", "efficientnet_lite0", "--dataset", "digits", "--image_size", "48", "--augment", "none"]
# Digits have nothing of the photos that the weights were trained on: BatchNorm has to learn their statistics.
DEMO += ["--learning_rate", "1e-3", "--num_train_epochs", "3", "--keep_batch_norm", "false"]
DEFAULTS = ["--backbone", "efficientnet_lite0", "--dataset", "cifar10"]


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Run the recipe with the words of a command line and return its results."""
    arguments, first_line = parse_recipe(argv, IMAGE, DEMO, DEFAULTS)
    options = arguments.data
    family_of(arguments.model)  # says at once, before the images are read, if there is no such backbone
    folder = start_run(arguments, first_line, "cifar10")
    data = load_image_data(options)
    model, processor, note = build_image_classifier(arguments.model, options.image_size, data.label_names)
    images, kept = keep_resized(data.splits, processor)
    mixing = make_mixing(options.mixup, options.cutmix, len(data.label_names))
    plain = BatchTransform(processor)
    changing = BatchTransform(processor, make_augmentation(options.augment), mixing)
    inputs = {split: rows.with_transform(changing if split == "train" else plain) for split, rows in images.items()}
    task = Task(
        model=model,
        processor=processor,
        collator=default_data_collator,
        rows=data.splits,
        inputs=DatasetDict(inputs),
        label_names=data.label_names,
        data_notes=[*data.notes, kept],
        notes=[model.describe_head(), note, describe_changes(options)],
        learning_rate=(1e-4, "default"),
        tables={"dropped_rows.csv": data.dropped} if len(data.dropped) else {},
        usage=USAGE,
        frozen=frozen_images(images, processor, options, arguments.training.seed),
        illustrate=illustrate_images(data, model, processor),
    )
    return train_classifier(task, arguments, folder)


if __name__ == "__main__":
    run_recipe(main)
