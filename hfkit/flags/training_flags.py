"""The flags of training that we add to transformers' or give other defaults; nothing here imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from ..errors import UserError
from .class_weights import NONE, check_balance


@dataclass
class TrainingFlags:
    """What `TrainingArguments` has besides, and before, the fields of `transformers.TrainingArguments`.

    Other defaults than there: 3 epochs, batch 32 (64 to evaluate), warm-up over a tenth of the steps, weight decay 0.01,
    order of the texts by what trains, evaluation and checkpoint at each epoch, the best checkpoint (by macro F1 on validation)
    loaded at the end and none kept, bfloat16 where the machine has instructions for it, CPU where there is nothing
    better, learning rates by the approach (backbone: see `tasks.learning_rate`; head: 1e-3), a new output folder
    each run.
    """

    output_dir: str | None = field(
        default=None, metadata={"help": "Folder of the run; default: runs/DATA-TIME after the data, new each run."}
    )
    num_train_epochs: float = field(default=3.0, metadata={"help": "Epochs: how often all training rows are seen."})
    learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Peak learning rate of the backbone; default: by its hidden size, 2e-5 to 1e-4; of adapters ten times that, "
            "from 2e-4 to 1e-3."
        },
    )
    head_learning_rate: float | None = field(
        default=None, metadata={"help": "Peak learning rate of the head; default: 1e-3."}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of matrices; vectors get none."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Warm-up: steps, or below 1 a share of them."})
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Rows a training step and device."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Rows an evaluation step and device."})
    train_sampling_strategy: Literal["random", "sequential", "group_by_length", "balanced"] | None = field(
        default=None,
        metadata={
            "help": "Order of the texts: random, sequential, group_by_length: batches of similar length that hold each class "
            "in its share, or balanced: an epoch draws each class equally often; default: random, but group_by_length for a "
            "BiGRU on a frozen encoder."
        },
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate: epoch, steps or no."})
    save_strategy: str = field(
        default="epoch", metadata={"help": "When to save a checkpoint: epoch, steps, best or no."}
    )
    logging_strategy: str = field(default="epoch", metadata={"help": "When to log the training loss: epoch or steps."})
    save_total_limit: int | None = field(
        default=None,
        metadata={
            "help": "Checkpoints kept while training (0: all); the best and the last one always are; default: 2. Where it is "
            "given, a finished run keeps them, too."
        },
    )
    keep_checkpoints: bool = field(
        default=False,
        metadata={
            "help": "Keep the checkpoints of a run that has finished. Else they are deleted once its model and results are "
            "written, unless --save_total_limit is given."
        },
    )
    load_best_model_at_end: bool = field(default=True, metadata={"help": "End with the best checkpoint, not the last."})
    metric_for_best_model: str | None = field(
        default="macro_f1",
        metadata={"help": "Validation metric that chooses the best checkpoint: macro_f1, accuracy, loss, ..."},
    )
    lr_decay_per_epoch: float | None = field(
        default=None,
        metadata={"help": "Multiply the learning rates by this after each epoch, in place of lr_scheduler_type."},
    )
    lr_floor: float = field(default=0.0, metadata={"help": "With lr_decay_per_epoch: the lowest learning rate."})
    early_stopping_patience: int = field(
        default=0, metadata={"help": "Stop after so many evaluations without a better metric; 0: never."}
    )
    class_weights: list[str] = field(
        default_factory=lambda: [NONE],
        metadata={
            "help": "How much classes count in the loss: none, balanced: rare ones more, as in scikit-learn, or weights by name "
            "such as fake=2 real=1; a class that is not named has 1."
        },
    )
    focal_gamma: float = field(
        default=0.0,
        metadata={
            "help": "Focal loss (Lin et al. 2017): each row's loss is multiplied by (1 - probability of its class) to this "
            "power, such as 2, so that rows that are predicted well count less; 0: the plain cross-entropy."
        },
    )
    logit_adjustment: float = field(
        default=0.0,
        metadata={
            "help": "Trains on logits to which this times the logarithm of each class's share of the rows is added, so that rare "
            "classes get a larger margin (Menon et al. 2021, who write 1); 0: none."
        },
    )
    solver: Literal["convex", "trainer", "both"] | None = field(
        default=None,
        metadata={
            "help": "How a linear head, or one on several layers, is trained. convex, on a frozen backbone: as one convex "
            "problem, in seconds; its loss, layers, penalty and n-grams are chosen by folds inside train; trainer: by steps; "
            "both: solved, then trained on by steps with the backbone (see --unfreeze_from). Default: on a frozen backbone "
            "convex, unless a flag is given that only the Trainer obeys; else trainer."
        },
    )
    feature_cache: str = field(
        default="auto",
        metadata={
            "help": "Compute what is frozen once for each row. auto: where that changes nothing and saves time; off; or the "
            "folder to keep it in (auto: ~/.cache/hfkit; see `hfkit cache list`)."
        },
    )
    feature_cache_dtype: Literal["auto", "float32", "bfloat16", "float16"] = field(
        default="auto",
        metadata={"help": "Data type of what the cache stores; auto: that of the forward pass, to the bit."},
    )
    metric: list[str] | None = field(
        default=None, metadata={"help": "Further metrics of the evaluate library, by id (needs the network)."}
    )
    baselines: bool = field(
        default=True,
        metadata={
            "help": "Compare the model with what costs next to nothing: the majority class, for texts a linear classifier of "
            "word pieces, and where the feature cache has what the head takes, the solved head."
        },
    )
    label_issues: bool | None = field(
        default=None,
        metadata={
            "help": "Write report/label_issues.csv: training rows whose label is doubtful, by a head that is solved on the "
            "frozen, pretrained backbone before anything trains; default: true where the head is solved anyway, else false."
        },
    )
    max_error: float | None = field(
        default=None,
        metadata={
            "help": "A share such as 0.02: the model does not answer below a confidence that is chosen so that, with 95 %% "
            "confidence, at most this share of its answers is wrong. Half of validation certifies it; the other does the rest. "
            "(For a solved head train out of fold chooses, and all of validation certifies.)"
        },
    )
    license: str | None = field(
        default=None, metadata={"help": "With --push_to_hub: the model's license, such as mit or apache-2.0."}
    )
    language: str | None = field(
        default=None, metadata={"help": "With --push_to_hub: the language of the texts, such as en."}
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
        self.check()

    def check(self) -> None:
        """Refuse values that no machine and no data could make right.

        Raises:
            UserError: A value is not one of its flag.

        """
        if self.feature_cache.lower() in ("false", "no", "none"):  # YAML reads off as false
            self.feature_cache = "off"
        if self.feature_cache.lower() in ("true", "yes", "on"):
            raise UserError(f"--feature_cache is {self.feature_cache}: write auto, off, or a folder.")
        if self.lr_decay_per_epoch is not None and not 0 < self.lr_decay_per_epoch <= 1:
            raise UserError(f"--lr_decay_per_epoch is {self.lr_decay_per_epoch}: write a factor such as 0.9.")
        if isinstance(self.class_weights, str):  # from Python
            self.class_weights = [self.class_weights]
        check_balance(self.class_weights, self.train_sampling_strategy, self.focal_gamma, self.logit_adjustment)
        if self.max_error is not None and not 0 < self.max_error < 1:
            raise UserError(
                f"--max_error is {self.max_error:g}: write the share of answers that may be wrong, above 0 and below 1, such as "
                "0.02."
            )
        for name in ("per_device_train_batch_size", "per_device_eval_batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} is {getattr(self, name)}: write at least 1.")


@dataclass
class ImageTrainingFlags(TrainingFlags):
    """The flags of `TrainingFlags`, for images: 10 epochs, batches of 64 in random order, best by accuracy."""

    num_train_epochs: float = field(default=10.0, metadata={"help": "Epochs: how often all training rows are seen."})
    learning_rate: float | None = field(
        default=None, metadata={"help": "Peak learning rate of the backbone; default: 1e-4, and of adapters 1e-3."}
    )
    per_device_train_batch_size: int = field(default=64, metadata={"help": "Images a training step and device."})
    train_sampling_strategy: Literal["random", "sequential", "group_by_length", "balanced"] | None = field(
        default="random",
        metadata={
            "help": "Order of the images: random, sequential, or balanced: an epoch draws each class equally often."
        },
    )
    metric_for_best_model: str | None = field(
        default="accuracy",
        metadata={"help": "Validation metric that chooses the best checkpoint: accuracy, macro_f1, loss, ..."},
    )
    # The images are a column that `forward` does not take; they become `pixel_values` when a batch is read.
    remove_unused_columns: bool | None = field(init=False, default=False)

    def check(self) -> None:
        """Refuse values that no machine and no data could make right.

        Raises:
            UserError: A value is not one of its flag.

        """
        if self.train_sampling_strategy == "group_by_length":
            raise UserError(
                "--train_sampling_strategy group_by_length is for texts: write random, balanced or sequential."
            )
        super().check()
