"""The flags of model and data of all recipes, and those of texts, with our defaults; nothing here imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from ..errors import UserError
from .tables import TableFlags
from .values import check_label_thresholds, check_layers, check_lora

MIN_LENGTH = 3
"""Tokens of the shortest text that can be cut: two special tokens and one word."""
_NGRAMS = (["auto"], ["none"], ["1"], ["1", "2"], ["1", "2", "3"])


@dataclass
class ModelArguments:
    """What is trained: the backbone, its head, and what of it is free."""

    backbone: str | None = field(default=None, metadata={"help": "Pretrained model under the head."})
    backbone_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub backbone."})
    head: str = field(default="linear", metadata={"help": "Kind of the head."})
    layers: list[str] | None = field(
        default=None,
        metadata={
            "help": "What --head layers reads: numbers of an encoder's layers, such as 1 2 3 4 (0: its embeddings), or names of "
            "an image backbone's modules, and features for what other heads stand on; or auto for all, which is the default."
        },
    )
    head_hidden_size: int = field(default=128, metadata={"help": "Width of the head's hidden layers."})
    head_dropout: float = field(
        default=0.1, metadata={"help": "Share of the head's units that are dropped in training."}
    )
    unfreeze_from: str = field(
        default="all",
        metadata={
            "help": "What trains: all (fine-tuning), none (feature-based: the head alone), or the name of a layer, such "
            "as encoder.layer.11, blocks.11 or block5_conv1, from which on everything trains; with --peft lora: none."
        },
    )
    peft: Literal["none", "lora"] = field(
        default="none",
        metadata={
            "help": "lora: the backbone is frozen, and adapters of low rank beside its linear layers train with the head. The "
            "saved model has them merged into its weights."
        },
    )
    lora_rank: int = field(default=8, metadata={"help": "Rank of the adapters."})
    lora_alpha: int = field(default=16, metadata={"help": "What an adapter adds counts alpha / rank times."})
    lora_targets: list[str] = field(
        default_factory=lambda: ["auto"],
        metadata={
            "help": "Linear layers that get adapters. auto: those that peft names for the type of the backbone, else all in its "
            "blocks; or names, such as query value, or modules for all linear layers in them, such as encoder.layer.11."
        },
    )
    keep_adapter: bool = field(
        default=False, metadata={"help": "Save the adapter, too, in the run's folder adapter, in peft's format."}
    )
    label_thresholds: list[str] | None = field(
        default=None,
        metadata={
            "help": "With any number of labels a row: the lowest score with which a row gets a label. One number for all labels, "
            "one for each in their order, or auto: those with the highest F1 of each label on validation; default: 0.5."
        },
    )
    summary: bool = field(
        default=False,
        metadata={"help": "Print the model as a table of layers; frozen parameters stand in parentheses."},
    )

    def __post_init__(self) -> None:
        if not 0 <= self.head_dropout < 1:
            raise UserError(f"--head_dropout is {self.head_dropout}: write a number from 0 to below 1.")
        if self.head_hidden_size < 1:
            raise UserError(f"--head_hidden_size is {self.head_hidden_size}: write a number above 0.")
        check_label_thresholds(self.label_thresholds)
        check_lora(self.peft, self.unfreeze_from, self.lora_rank, self.lora_alpha, self.lora_targets)
        if self.layers is not None:
            check_layers(self.layers, are_numbers=isinstance(self, TextModelArguments))

    def longest_ngram(self) -> int:
        """Return how many word pieces the longest n-grams beside the head have; 0: there are none, as for images."""
        return 0


@dataclass
class TextModelArguments(ModelArguments):
    """The flags of `ModelArguments` for texts."""

    backbone: str | None = field(
        default=None,
        metadata={
            "help": "Pretrained encoder, causal model (Qwen3, Llama, Gemma, GPT-2, ...) or T5: a Hub id, a folder, or minilm "
            "(MiniLM-L6 from the package of the demo extra, which is also what runs without this flag). A finished run of "
            "hfkit, a folder or a Hub id, is continued from."
        },
    )
    head: Literal["linear", "bigru", "layers"] = field(
        default="linear",
        metadata={
            "help": "linear: one layer on one vector, see --pooling; bigru: a BiGRU over all tokens; layers: one layer on "
            "several layers of the backbone, see --layers."
        },
    )
    pooling: Literal["mean", "first", "last", "pooler"] | None = field(
        default=None,
        metadata={
            "help": "What a linear head stands on: the mean over the tokens, the first or the last token, or the encoder's "
            "own pooler; default: what a sentence encoder records; last for causal models; mean on a frozen encoder; else "
            "the pooler, and without a pretrained one the first token. With --head layers: what it takes of each layer, by "
            "default mean and first, of causal models mean and last."
        },
    )
    head_hidden_size: int = field(default=128, metadata={"help": "Units of each direction of the BiGRU."})
    head_logits: int | None = field(
        default=None, metadata={"help": "1: two labels by one sigmoid logit; default: one logit a label, by softmax."}
    )

    ngrams: list[str] | None = field(
        default=None,
        metadata={
            "help": "Add the score of a linear classifier on n-grams of word pieces to the net's: auto (1- and 2-grams), 1, 1 2, "
            "1 2 3, or none. It is fitted on train after the net, and its weight is chosen on validation; default: none."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ngrams is not None and self.ngrams not in _NGRAMS:
            raise UserError(f"--ngrams {' '.join(self.ngrams)}: write auto, none, 1, 1 2, or 1 2 3.")
        if self.pooling is not None and self.head == "bigru":
            raise UserError(
                f"--pooling {self.pooling} is for --head linear: a BiGRU reads all tokens, so leave --pooling out."
            )
        if self.pooling == "pooler" and self.head == "layers":
            raise UserError(
                "--pooling pooler is for the last layer alone: write mean, first or last with --head layers."
            )

    def longest_ngram(self) -> int:
        """Return how many word pieces the longest n-grams beside the head have; 0: none are asked for."""
        if self.ngrams in (None, ["none"]):
            return 0
        return 2 if self.ngrams == ["auto"] else len(self.ngrams or ())


@dataclass
class DataArguments:
    """What it is trained on: where the rows are, their labels, how many."""

    dataset: str | None = field(default=None, metadata={"help": "A file, a folder, or a Hub id."})
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of a Hub dataset."})
    dataset_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub dataset."})
    label_column: list[str] | None = field(
        default=None,
        metadata={
            "help": "Column of the label; default: found by its name. Several columns of 0 and 1: each row has any number of "
            "labels."
        },
    )
    label_separator: str | None = field(
        default=None,
        metadata={
            "help": "What stands between the labels of a row in the label column, such as | or ' ': each row has any number of "
            "labels, and none where it is empty; none: a cell is one label, whatever stands in it. Default: found."
        },
    )
    label_names: list[str] | None = field(
        default=None, metadata={"help": "Names for integer labels, in their order (0 gets the first)."}
    )
    split_column: str | None = field(
        default=None,
        metadata={"help": "Column that says the split of a row; default: found by its name (split, usage, ...)."},
    )
    separator: str | None = field(
        default=None,
        metadata={
            "help": "What parts the cells of a table: characters, or comma, semicolon, tab, pipe, space, none; default: found."
        },
    )
    header: bool | None = field(
        default=None,
        metadata={
            "help": "false: the first line of a table is a row, and columns are called by their numbers from 1; default: found."
        },
    )
    quoting: bool | None = field(
        default=None,
        metadata={"help": "false: double quotes in a table mean nothing and are part of the text; default: found."},
    )
    encoding: str | None = field(
        default=None,
        metadata={"help": "Encoding of the data, such as utf-8, utf-16, cp1252 or latin-1; default: found."},
    )
    encoding_errors: Literal["strict", "replace", "ignore"] = field(
        default="strict", metadata={"help": "What is done with bytes that are no character: strict refuses the file."}
    )
    max_train_samples: int | None = field(
        default=None, metadata={"help": "Train on so many rows, drawn with stratification."}
    )
    validation_fraction: float = field(
        default=0.1, metadata={"help": "Share of train that becomes the validation split where there is none."}
    )
    test_fraction: float = field(
        default=0.1,
        metadata={"help": "Share of train that becomes the test split where there is none; 0: no test split."},
    )

    def __post_init__(self) -> None:
        if isinstance(self.label_column, str):  # from Python
            self.label_column = [self.label_column]
        twice = {name for name in self.label_column or () if (self.label_column or []).count(name) > 1}
        if twice or self.label_separator == "":
            wrong = f"--label_column names '{min(twice)}' twice" if twice else "--label_separator is empty"
            raise UserError(f"{wrong}: leave it out.")
        if self.max_train_samples is not None and self.max_train_samples < 2:
            raise UserError(f"--max_train_samples is {self.max_train_samples}: write at least 2.")
        if not 0 < self.validation_fraction < 1 or not 0 <= self.test_fraction < 1:
            raise UserError("--validation_fraction and --test_fraction are shares of train, such as 0.1.")
        self.table_flags()

    def table_flags(self) -> TableFlags:
        """Return what is given of the format of tables.

        Raises:
            UserError: A value is not one that it can have.

        """
        return TableFlags(self.separator, self.header, self.quoting, self.encoding, self.encoding_errors)


@dataclass
class TextDataArguments(DataArguments):
    """The flags of `DataArguments` for texts."""

    dataset: str | None = field(
        default=None,
        metadata={
            "help": "constraint (the COVID-19 fake-news tweets; default when a backbone is named), sample (the small "
            "embedded one; default without a backbone), a CSV, TSV, TXT, JSON, JSONL, parquet, Arrow or Excel file, "
            "also packed (.gz, .zip, .xz), a folder of such files or of one folder of texts for each class, or a Hub id."
        },
    )
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column of the text, or two of a pair; default: found by its name."}
    )
    pair: bool = field(
        default=True,
        metadata={
            "help": "Two text columns are a pair, between which the tokenizer puts its separator; false: they are joined by a "
            "space."
        },
    )
    keep_columns: list[str] | None = field(
        default=None,
        metadata={
            "help": "Columns that stand beside the predictions in tables, such as an id, and are never pushed; none: no column. "
            "Default: a column that is called an id, if none of its cells stands twice."
        },
    )
    cleaning: list[str] = field(
        default_factory=lambda: ["report"],
        metadata={
            "help": "Preset (report, ctbert, g2tmn, none) or steps: html url username hashtag rep punctuation demojize."
        },
    )
    max_length: int = field(
        default=128,
        metadata={"help": "Tokens after which a text is cut; where it is not given, no more than the backbone takes."},
    )

    long_texts: Literal["cut", "head_tail", "windows"] = field(
        default="cut",
        metadata={
            "help": "What is read of a text of more than max_length tokens: cut (the first ones), head_tail (a quarter of "
            "them from its begin, the others from its end), or windows (all, in windows of so many whose logits are averaged)."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.long_texts != "cut" and self.reads_pairs():
            raise UserError(
                f"--long_texts {self.long_texts} is for one text a row, and two text columns are a pair: write cut, or --pair "
                "false."
            )
        if self.max_length < MIN_LENGTH:
            raise UserError(
                f"--max_length is {self.max_length}: write at least {MIN_LENGTH} (two special tokens and one word)."
            )

    def reads_pairs(self) -> bool:
        """Whether a row is a pair of texts."""
        return self.pair and len(self.text_column or ()) == 2
