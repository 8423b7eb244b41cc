"""Text classification: from a command line to a task, and its run."""

from collections.abc import Sequence
from pathlib import Path

from transformers import DataCollatorWithPadding

from ..backbones.text import build_text_classifier
from ..data.augmented import frozen_texts
from ..data.sources import Source
from ..data.text import load_text_data
from ..data.tokens import Reading, show_row, tokenize
from ..flags.kinds import TEXT, Arguments, TextDataArguments, TextModelArguments
from ..notes import Note
from ..task import Task
from .learning_rate import learning_rate_by_width
from .train import hold_out_certification, read_flags, train

EXAMPLE_LENGTH = 60
"""Characters of the text that the lines on how to use a model show."""

DEMO = ["--backbone", "minilm", "--head", "bigru", "--dataset", "sample", "--num_train_epochs", "6"]
DEFAULTS = ["--backbone", "minilm", "--dataset", "constraint"]

TextArguments = Arguments[TextModelArguments, TextDataArguments]


def train_texts(argv: Sequence[str] | None = None, name: str | None = None) -> tuple[Path, dict[str, float]]:
    """Train a text classifier as a command line says, and return its folder and the results.

    Args:
        argv: Flags; default: those of the process.
        name: What the name of a new run's folder begins with; default: what the data are called.

    Raises:
        UserError: A flag, the data or the backbone is not as it must be.

    """
    return train(*read_text_flags(argv), make_text_task, name)


def read_text_flags(argv: Sequence[str] | None) -> tuple[TextArguments, str]:
    """Read the flags, with those of the demo where neither backbone nor dataset is given; also return the log's first line."""
    arguments, line = read_flags(argv, TEXT, DEMO, DEFAULTS)
    if arguments.data.dataset == "sample":
        line += " The sample is hand-written and proves nothing about accuracy."
    return arguments, line


def make_text_task(arguments: TextArguments, source: Source | None = None) -> Task:
    """Read the data, load the backbone under a new head, and tokenise.

    Args:
        arguments: The flags.
        source: The data, where they were values in Python; default: they are read as the flags say.

    Raises:
        UserError: The data or the backbone is not as it must be.

    """
    data = hold_out_certification(load_text_data(arguments.data, source), arguments)
    model, tokenizer, notes = build_text_classifier(
        arguments.model,
        arguments.data,
        data.label_names,
        pooling_is_given="pooling" in arguments.given,
        max_length_is_given="max_length" in arguments.given,
        is_multi_label=data.is_multi_label,
    )
    reading = Reading.of(model.config)
    inputs, longer = tokenize(data.splits, tokenizer, reading)
    is_lowered = reading.max_length != arguments.data.max_length
    cleaning = f"Cleaning: {', '.join(reading.cleaning) or 'none'}. {reading.describe(longer)}"
    return Task(
        model=model,
        processor=tokenizer,
        collator=DataCollatorWithPadding(tokenizer),
        rows=data.splits,
        inputs=inputs,
        label_names=data.label_names,
        data_notes=data.notes,
        notes=[*notes, Note("head", model.describe_head()), Note("cleaning", cleaning)],
        learning_rate=learning_rate_by_width(model.config.backbone_config.hidden_size),
        tables={"dropped_rows.csv": data.dropped} if len(data.dropped) else {},
        usage=_describe_usage(list(data.splits["validation"][:20]["text"])),
        frozen=frozen_texts(inputs),
        kept=data.kept,
        filled_in={"pooling": model.config.pooling, **({"max_length": reading.max_length} if is_lowered else {})},
    )


def _describe_usage(texts: list[str]) -> str:
    """Return lines that load a model and classify the user's own text, the first that is short enough, else the begin of one."""
    short = [text for text in texts if 0 < len(text) <= EXAMPLE_LENGTH]
    row = show_row(short[0] if short else texts[0])
    cut = row[:EXAMPLE_LENGTH] if isinstance(row, str) else {name: part[:EXAMPLE_LENGTH] for name, part in row.items()}
    example = repr(cut)
    escaped = example.replace("{", "{{").replace("}", "}}")
    return f'from hfkit import load_pipeline\nprint(load_pipeline("{{folder}}")({escaped}))'
