"""The configuration of a text classifier."""

from typing import Any, Literal

from transformers import PreTrainedConfig

from .answering import check_threshold
from .config_checks import CheckedConfig
from .encoders import check_reads_texts, encoder_config
from .label_sets import SINGLE_LABEL, check_problem_type
from .long_texts import CUT, LONG_TEXTS, WINDOWS
from .ngrams import LONGEST
from .pooling import POOLINGS
from .text_layers import complete_layers
from .text_pipeline import TextClassificationPipeline

PAIRS = ("join", "tokenizer", "newline")


class TextClassifierConfig(CheckedConfig):
    """Configuration of `TextClassifier`.

    Args:
        backbone_config: Config of the encoder, or a dict with its `model_type`; default: BERT-base.
        head: `linear` (on one vector, see `pooling`), `bigru` (on all tokens) or `layers` (on several layers, see `layers`).
        head_hidden_size: Units of each direction of the BiGRU.
        head_dropout: Dropout before the last linear layer.
        head_logits: Width of the last layer: `None` for one logit a label, 1 for two labels by one sigmoid logit.
        use_pooler: Whether the checkpoint of the encoder fills its pooler, where the encoder has one.
        pooling: What a linear head stands on: `mean` over the tokens, `first` or `last` token, or `pooler`; `None`, as in
            configs without this field: the pooler where `use_pooler` and the encoder has one, else the first token; of a
            causal model the last one.
        layers: Hidden states that a head `layers` reads: 0 for the output of the embeddings, k for that of layer k; default:
            all of them.
        poolings: What it takes of each, in this order: `mean` over the tokens, `first` or `last` token; default: mean and
            first, of a causal model mean and last.
        standardised: Whether it, or a linear head, keeps the mean and the scale of its features.
        final_norm: False: the norm behind the encoder's last layer is dropped, since layers behind it were (see
            `TextClassifier.drop_unused_layers`).
        cleaning: Names of the cleaning steps, in order (see `cleaning.py`).
        max_length: Tokens after which a text is cut.
        pair: What two texts a row become: `join` (one text, with a space in between), `tokenizer` (a pair, with the tokenizer's
            own separator) or `newline` (a pair for a tokenizer without one).
        long_texts: Which tokens of a text are read that has more: `cut` (the first ones), `head_tail` or `windows` (see
            `long_texts.py`); the logits of windows are averaged.
        segment_separator: Token id behind which the second segment of a pair begins, for encoders with segment embeddings.
        ngram_count: How many n-grams of token ids add a score to the logits (see `ngrams.py`).
        ngram_max: Tokens of the longest of them.
        ngram_special_count: How many token ids are in no n-gram.
        answer_threshold: The lowest confidence with which a text is answered in `pipeline()`; `None`: each is.
        problem_type: `single_label_classification`, or `multi_label_classification`: each text has any number of the labels.
        label_thresholds: With several labels a text, the lowest score of each label with which a text gets it; `None`: 0.5.

    Examples:
        >>> from transformers import BertConfig
        >>> from hfkit import TextClassifierConfig
        >>> config = TextClassifierConfig(backbone_config=BertConfig(), head="bigru", num_labels=3)
        >>> config.head, config.num_labels, config.max_length
        ('bigru', 3, 128)

    """

    model_type = "hfkit-text"

    backbone_config: PreTrainedConfig | dict[str, Any] | None = None
    head: Literal["linear", "bigru", "layers"] = "linear"
    head_hidden_size: int = 128
    head_dropout: float = 0.1
    head_logits: int | None = None
    use_pooler: bool = True
    pooling: Literal["mean", "first", "last", "pooler"] | None = None
    layers: list[int] | tuple[int, ...] | None = None
    poolings: list[str] | tuple[str, ...] | None = None
    standardised: bool = False
    final_norm: bool = True
    cleaning: list[str] | tuple[str, ...] = ()
    max_length: int = 128
    pair: Literal["join", "tokenizer", "newline"] = "join"
    segment_separator: int | None = None
    long_texts: Literal["cut", "head_tail", "windows"] = "cut"
    ngram_count: int = 0
    ngram_max: int = 2
    ngram_special_count: int = 0
    answer_threshold: float | None = None
    problem_type: str | None = None
    label_thresholds: list[float] | None = None

    @property
    def reads_windows(self) -> bool:
        """Whether long texts are read in windows."""
        return self.long_texts == WINDOWS

    def __post_init__(self, **kwargs: Any) -> None:
        backbone = self.backbone_config or {}
        if isinstance(backbone, dict):
            self.backbone_config = encoder_config(backbone)
        else:
            check_reads_texts(type(backbone))
        self.problem_type = self.problem_type or SINGLE_LABEL
        self.cleaning = list(self.cleaning)
        super().__post_init__(**kwargs)
        if self.head not in ("linear", "bigru", "layers"):
            raise ValueError(f"Unknown head '{self.head}': write linear, bigru or layers.")
        if self.head == "layers":
            self.layers, self.poolings = complete_layers(self.backbone_config, self.layers, self.poolings)
        elif self.layers is not None or self.poolings is not None:
            raise ValueError(f"layers and poolings are for the head layers, not for {self.head}.")
        if self.standardised and self.head == "bigru":
            raise ValueError("standardised is for the heads linear and layers, not for bigru.")
        if self.pooling is not None and (self.pooling not in POOLINGS or self.head != "linear"):
            raise ValueError(
                f"pooling '{self.pooling}' of the head {self.head}: write one of {', '.join(POOLINGS)} for linear."
            )
        if self.head_logits not in (None, 1, self.num_labels) or (self.head_logits == 1 and self.num_labels != 2):
            raise ValueError(
                f"head_logits is {self.head_logits} for {self.num_labels} labels: leave it out, or write 1 for two labels."
            )
        if min(self.ngram_count, self.ngram_special_count) < 0 or not 1 <= self.ngram_max <= LONGEST:
            raise ValueError(f"ngram_max is {self.ngram_max}: write 1 to {LONGEST}, and no negative ngram_count.")
        if self.pair not in PAIRS:
            raise ValueError(f"Unknown pair '{self.pair}': write {', '.join(PAIRS)}.")
        if self.long_texts not in LONG_TEXTS or (self.long_texts != CUT and self.pair == "tokenizer"):
            raise ValueError(
                f"long_texts is '{self.long_texts}': write {', '.join(LONG_TEXTS)}, and cut where rows are pairs."
            )
        if self.long_texts == WINDOWS and self.head == "bigru":
            raise ValueError(
                "long_texts is 'windows' and the head bigru, which reads the tokens of one text: write linear."
            )
        check_threshold(self.answer_threshold)
        check_problem_type(self)
        # `pipeline("text-classification", ..., trust_remote_code=True)` runs this class from the model's own folder.
        self.custom_pipelines = {
            "text-classification": {
                "impl": f"text_pipeline.{TextClassificationPipeline.__name__}",
                "pt": ["AutoModelForSequenceClassification"],
                "type": "text",
            }
        }
