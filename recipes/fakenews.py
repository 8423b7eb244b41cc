"""Fake-news detection: a pretrained Transformers encoder with a linear or BiGRU head, fine-tuned or frozen.

    accelerate launch -q --config_file accelerate_config.yaml recipes/fakenews.py
    accelerate launch -q --config_file accelerate_config.yaml recipes/fakenews.py \
        --backbone digitalepidemiologylab/covid-twitter-bert-v2 --head bigru

Without --backbone and --dataset it runs a demo on a small hand-written sample. --help explains the flags, --help all
every one; --config FILE.yaml gives them too; --debug, without a value, shows the traceback of an error.
"""

from collections.abc import Sequence

from hfkit.flags.names import TEXT_FLAGS
from hfkit.training.launch import run_recipe


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Run the recipe with a command line and return its results."""
    from hfkit.tasks.text import train_texts

    return train_texts(argv, "fakenews")[1]


if __name__ == "__main__":
    run_recipe(main, TEXT_FLAGS)
