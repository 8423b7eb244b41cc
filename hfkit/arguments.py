"""The flags of all recipes: dataclasses with our defaults."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import transformers

from .errors import UserError


@dataclass
class ModelArguments:
    """What is trained: the backbone, the head, and what of it is free."""

    backbone: str | None = field(
        default=None,
        metadata={
            "help": "Pretrained encoder: a Hub id, a folder, or minilm (MiniLM-L6 from the package of the demo extra, "
            "which is also what runs without this flag)."
        },
    )
    backbone_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub backbone."})
    head: Literal["linear", "bigru"] = field(
        default="linear", metadata={"help": "linear: one layer on the pooler's output; bigru: a BiGRU over all tokens."}
    )
    head_hidden_size: int = field(default=128, metadata={"help": "Units of each direction of the BiGRU."})
    head_dropout: float = field(default=0.1, metadata={"help": "Dropout before the head's last layer."})
    head_logits: int | None = field(
        default=None, metadata={"help": "1: two labels by one sigmoid logit; default: one logit a label, by softmax."}
    )
    unfreeze_from: str = field(
        default="all",
        metadata={
            "help": "What trains: all (fine-tuning), none (feature-based: the head alone), or the name of a layer, such "
            "as encoder.layer.11, from which on everything trains."
        },
    )

    def __post_init__(self) -> None:
        if not 0 <= self.head_dropout < 1:
            raise UserError(f"--head_dropout is {self.head_dropout}: write a number from 0 to below 1.")
        if self.head_hidden_size < 1:
            raise UserError(f"--head_hidden_size is {self.head_hidden_size}: write a number above 0.")


@dataclass
class DataArguments:
    """What it is trained on: rows, columns, labels, cleaning."""

    dataset: str | None = field(
        default=None,
        metadata={
            "help": "constraint (the COVID-19 fake-news tweets; default when a backbone is named), sample (the small "
            "embedded one; default without a backbone), a CSV, TSV, JSON, JSONL or parquet file, a folder with "
            "train, validation and test files, or a Hub id."
        },
    )
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of a Hub data set."})
    dataset_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub data set."})
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column of the text, or two to be joined; default: found by its name."}
    )
    label_column: str | None = field(
        default=None, metadata={"help": "Column of the label; default: found by its name."}
    )
    label_names: list[str] | None = field(
        default=None, metadata={"help": "Names for integer labels, in their order (0 gets the first)."}
    )
    cleaning: list[str] = field(
        default_factory=lambda: ["report"],
        metadata={
            "help": "Preset (report, ctbert, g2tmn, none) or steps: html url username hashtag rep punctuation demojize."
        },
    )
    max_length: int = field(default=128, metadata={"help": "Tokens after which a text is cut."})
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
        if self.max_length < 3:
            raise UserError(f"--max_length is {self.max_length}: write at least 3 (two special tokens and one word).")
        if self.max_train_samples is not None and self.max_train_samples < 2:
            raise UserError(f"--max_train_samples is {self.max_train_samples}: write at least 2.")
        if not 0 < self.validation_fraction < 1 or not 0 <= self.test_fraction < 1:
            raise UserError("--validation_fraction and --test_fraction are shares of train, such as 0.1.")


@dataclass
class TrainingArguments(transformers.TrainingArguments):
    """How it is trained: `transformers.TrainingArguments` with our defaults and a few flags of our own.

    Other defaults than there: 3 epochs, batch 32 (64 to evaluate), warm-up over a tenth of the steps, weight decay 0.01,
    batches grouped by length, evaluation and checkpoint at each epoch, the best checkpoint (by macro F1 on validation)
    loaded at the end and one kept, bfloat16 where the machine has instructions for it, CPU where there is nothing
    better, learning rates by the approach (see `training.default_learning_rates`), a new output folder each run.
    """

    output_dir: str | None = field(
        default=None, metadata={"help": "Folder of the run; default: runs/<recipe>-<time>, new each run."}
    )
    num_train_epochs: float = field(default=3.0, metadata={"help": "Passes over the training data."})
    learning_rate: float | None = field(
        default=None,
        metadata={"help": "Peak learning rate of the backbone; default: by its hidden size, 2e-5 to 1e-4."},
    )
    head_learning_rate: float | None = field(
        default=None, metadata={"help": "Peak learning rate of the head; default: 1e-3."}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of matrices; vectors get none."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Warm-up: steps, or below 1 a share of them."})
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Rows a training step and device."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Rows an evaluation step and device."})
    train_sampling_strategy: str = field(
        default="group_by_length",
        metadata={"help": "group_by_length: batches of similar length; or random, sequential."},
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate: epoch, steps or no."})
    save_strategy: str = field(
        default="epoch", metadata={"help": "When to save a checkpoint: epoch, steps, best or no."}
    )
    logging_strategy: str = field(default="epoch", metadata={"help": "When to log the training loss: epoch or steps."})
    save_total_limit: int | None = field(default=1, metadata={"help": "Checkpoints kept besides the best one."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "End with the best checkpoint, not the last."})
    metric_for_best_model: str | None = field(
        default="macro_f1",
        metadata={"help": "Validation metric that chooses the best checkpoint: macro_f1, accuracy, loss, ..."},
    )
    early_stopping_patience: int = field(
        default=0, metadata={"help": "Stop after so many evaluations without a better metric; 0: never."}
    )
    class_weights: Literal["none", "balanced"] = field(
        default="none", metadata={"help": "balanced: rare classes count more in the loss, as in scikit-learn."}
    )
    metric: list[str] | None = field(
        default=None, metadata={"help": "Further metrics of the evaluate library, by id (needs the network)."}
    )
    bf16: bool | None = field(
        default=None, metadata={"help": "Train in bfloat16; default: where the machine has instructions for it."}
    )
    use_cpu: bool | None = field(
        default=None, metadata={"help": "Train on the CPU; default: if there is no GPU or MPS."}
    )
    restore_callback_states_from_checkpoint: bool = field(
        default=True, metadata={"help": "Early stopping counts on when a run is resumed."}
    )
    # In transformers the names of the input columns with labels; here --label_names are the names of the classes.
    label_names: list[str] | None = field(init=False, default_factory=lambda: ["labels"])
    ddp_find_unused_parameters: bool | None = field(
        default=False, metadata={"help": "Let DDP look for unused parameters; our models have none."}
    )

    def __post_init__(self) -> None:
        if self.use_cpu is None:
            self.use_cpu = not torch.accelerator.is_available()
        if self.bf16 is None:
            self.bf16 = not self.fp16 and bfloat16_is_fast(self.use_cpu)
        super().__post_init__()


def cpu_capabilities() -> dict[str, Any]:
    """Return what torch says of the CPU's instructions; nothing before torch knew (2.9 on aarch64 does not)."""
    return dict(torch.cpu.get_capabilities()) if hasattr(torch.cpu, "get_capabilities") else {}


def bfloat16_is_fast(use_cpu: bool) -> bool:
    """Whether the device that is used has bfloat16 instructions (a CPU's AVX512-BF16 or AMX, an NVIDIA GPU's from Ampere on)."""
    if use_cpu:
        capabilities = cpu_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


@dataclass
class Arguments:
    """The three groups of flags of one run."""

    model: ModelArguments
    data: DataArguments
    training: TrainingArguments
    given_output_dir: str | None
    """`--output_dir` as it was given; None: a new folder."""
    flags: dict[str, Any]
    """The flags that rerun this run: all of ours, and those of transformers that differ from their default."""
