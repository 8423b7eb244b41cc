"""Image classification: VGG19, DenseNet201, DeiT or any model of timm with an MLP or linear head, partly unfrozen.

    accelerate launch -q --config_file accelerate_config.yaml recipes/cifar10.py
    accelerate launch -q --config_file accelerate_config.yaml recipes/cifar10.py \
        --backbone deit_base_distilled_patch16_224 --unfreeze_from blocks.11

Without --backbone and --dataset it runs a demo on scikit-learn's digits. --help explains the flags, --help all every one;
--config FILE.yaml gives them too (the folder of this file has some); --debug, without a value, shows the traceback of an error.
"""

from collections.abc import Sequence

from hfkit.flags.names import IMAGE_FLAGS
from hfkit.training.launch import run_recipe


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Run the recipe with a command line and return its results."""
    from hfkit.tasks.image import train_images

    return train_images(argv, "cifar10")[1]


if __name__ == "__main__":
    run_recipe(main, IMAGE_FLAGS)
