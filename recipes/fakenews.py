"""Fake-news detection: a pretrained Transformers encoder with a linear or BiGRU head, fine-tuned or frozen.

    accelerate launch --config_file accelerate_config.yaml recipes/fakenews.py
    accelerate launch --config_file accelerate_config.yaml recipes/fakenews.py \
        --backbone digitalepidemiologylab/covid-twitter-bert-v2 --head bigru

Without --backbone and --dataset it runs a demo on a small hand-written sample. --help explains every flag; --config
FILE.yaml gives them too; --debug, without a value, shows the traceback of an error.
"""

from collections.abc import Sequence

from transformers import DataCollatorWithPadding

from hfkit.backbones.text import build_text_classifier
from hfkit.data.augmented import frozen_texts
from hfkit.data.text import load_text_data, tokenize
from hfkit.flags.arguments import TEXT, Arguments, TextDataArguments, TextModelArguments
from hfkit.flags.parsing import parse_recipe
from hfkit.task import Task
from hfkit.training.launch import run_recipe, start_run
from hfkit.training.run import learning_rate_by_width, train_classifier

USAGE = """from hfkit import load_pipeline
print(load_pipeline("{folder}")("Drinking bleach cures COVID-19."))"""

DEMO = ["--backbone", "minilm", "--head", "bigru", "--dataset", "sample", "--num_train_epochs", "6"]
DEFAULTS = ["--backbone", "minilm", "--dataset", "constraint"]


def read_flags(argv: Sequence[str] | None) -> tuple[Arguments[TextModelArguments, TextDataArguments], str]:
    """Read the flags, with those of the demo where neither backbone nor data set is given; also return the log's first line."""
    arguments, line = parse_recipe(argv, TEXT, DEMO, DEFAULTS)
    if arguments.data.dataset == "sample":
        line += " The sample is hand-written and proves nothing about accuracy."
    return arguments, line


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Run the recipe with the words of a command line and return its results."""
    arguments, first_line = read_flags(argv)
    model_arguments, data_arguments = arguments.model, arguments.data
    folder = start_run(arguments, first_line, "fakenews")
    data = load_text_data(data_arguments)
    model, tokenizer = build_text_classifier(model_arguments, data_arguments, data.label_names)
    inputs, truncated = tokenize(data.splits, tokenizer, model.config.cleaning, data_arguments.max_length)
    cut = ", ".join(f"{count} of {split}" for split, count in truncated.items())
    notes = [
        model.describe_head(),
        f"Cleaning: {', '.join(model.config.cleaning) or 'none'}. Texts cut at {data_arguments.max_length} tokens: {cut}.",
    ]
    task = Task(
        model=model,
        processor=tokenizer,
        collator=DataCollatorWithPadding(tokenizer),
        rows=data.splits,
        inputs=inputs,
        label_names=data.label_names,
        data_notes=data.notes,
        notes=notes,
        learning_rate=learning_rate_by_width(model.feature_size),
        tables={"dropped_rows.csv": data.dropped} if len(data.dropped) else {},
        usage=USAGE,
        frozen=frozen_texts(inputs),
    )
    return train_classifier(task, arguments, folder)


if __name__ == "__main__":
    run_recipe(main)
