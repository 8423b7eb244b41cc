"""The one small subclass of `transformers.Trainer`, for what no callback or argument can do, and our callbacks."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from tqdm.auto import tqdm
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback

from ..data.stored_rows import numbers_of
from ..hub.card import plain_card
from ..models.base import BackboneClassifier

# What the optimizers that build their own parameter groups (GaLore, LOMO, ...) hand over in place of ours.
_OWN_GROUPS = {"params", "model", "optimizer_dict"}


class ClassifierTrainer(Trainer):
    """`transformers.Trainer` with two learning rates, and with the accuracy over the training batches in its log.

    The accuracy is that of the predictions training makes anyway, with dropout on and while the weights move, as Keras
    reports it; a second pass over the training data would cost a third of an epoch.
    """

    optimizer: Any
    lr_scheduler: Any

    def __init__(self, *args: Any, head_learning_rate: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_learning_rate = head_learning_rate
        self._counts = torch.zeros(2, device=self.args.device)  # right predictions, all predictions

    def create_optimizer(self, model: nn.Module | None = None) -> Any:
        """Build the optimizer of the arguments over `parameter_groups`; the Trainer knows one learning rate only."""
        optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        if self.optimizer is not None or _OWN_GROUPS & set(options):
            return super().create_optimizer(model)
        groups = parameter_groups(self.model, self.args.learning_rate, self.head_learning_rate, self.args.weight_decay)
        self.optimizer = optimizer_class(groups, **options)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Build the schedule of the arguments, or with `lr_decay_per_epoch` one that the Trainer does not know."""
        decay = getattr(self.args, "lr_decay_per_epoch", None)
        if decay is None or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        optimizer = self.optimizer if optimizer is None else optimizer
        rows_a_step = (
            self.args.per_device_train_batch_size * self.args.world_size * self.args.gradient_accumulation_steps
        )
        steps = max(math.ceil(len(self.train_dataset) / rows_a_step), 1)
        rates = [group["lr"] for group in optimizer.param_groups]
        factors = [epoch_decay(decay, steps, self.args.lr_floor / rate if rate else 0.0) for rate in rates]
        self.lr_scheduler = LambdaLR(optimizer, factors)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        """Group rows by length as `BalancedLengthSampler` does; the Trainer's own sampler unbalances the classes."""
        rows = self.train_dataset  # what is handed over has lost its column of lengths, as `forward` does not take it
        grouped = self.args.train_sampling_strategy == "group_by_length"
        if not grouped or not isinstance(rows, Dataset) or self.args.length_column_name not in rows.column_names:
            return super()._get_train_sampler(train_dataset)
        lengths, labels = numbers_of(rows, self.args.length_column_name), numbers_of(rows, "labels")
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps * max(self.args.world_size, 1)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return BalancedLengthSampler(batch_size, lengths, labels, seed, lambda: int(self.state.epoch or 0))

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int] | None:
        """Read the rows in their order; they are sorted by length, which the Trainer would group them by anew."""
        return SequentialSampler(eval_dataset) if self.args.world_size <= 1 else None

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Compute the loss as the Trainer does and count the right predictions on the way."""
        labels = inputs.get("labels")
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if model.training and labels is not None:
            classes = labels if labels.ndim == 1 else labels.argmax(dim=-1)  # mixed labels are probabilities
            right = (outputs.logits.detach().argmax(dim=-1) == classes).sum()
            self._counts += torch.stack([right, torch.tensor(len(labels), device=right.device)])
        return (loss, outputs) if return_outputs else loss

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Keep the card that is there, or write a short one: the Trainer's own says "More information needed"."""
        file = Path(self.args.output_dir) / "README.md"
        if self.is_world_process_zero() and not file.exists():
            plain_card(self.accelerator.unwrap_model(self.model)).save(file)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the accuracy since the last log to a log of the training loss."""
        if "loss" in logs:
            right, total = self.accelerator.reduce(self._counts).tolist()
            self._counts.zero_()
            if total:
                logs["accuracy"] = right / total
        super().log(logs, start_time)


class BalancedLengthSampler(Sampler[int]):
    """Random batches of similar length in which each class has its share.

    Batches that are grouped by length alone hold too much of one class where length and class go together, as with tweets: a
    linear head on frozen MiniLM lost two points of accuracy. Here the rows of each class are sorted by length, 50 batches at a
    time, and a batch takes the same quantile of each.

    Args:
        batch_size: Rows of a batch, those of all processes together.
        lengths: Of each row.
        labels: Class of each row.
        seed: The order depends on it and on the epoch, so that it is the same in all processes and in a resumed run.
        epoch: Says which epoch begins; accelerate tells it to the samplers that it finds, and in a run that is resumed in
            the middle of an epoch it does not find this one.

    """

    def __init__(
        self, batch_size: int, lengths: np.ndarray, labels: np.ndarray, seed: int, epoch: Callable[[], int]
    ) -> None:
        self.batch_size, self.lengths, self.labels = batch_size, np.asarray(lengths), np.asarray(labels)
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Draw a new order; the batch with the longest row comes first, so that too little memory shows at once."""
        generator = np.random.default_rng([self.seed, self.epoch()])
        shuffled = generator.permutation(len(self.lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(shuffled), 50 * self.batch_size):
            rows = shuffled[start : start + 50 * self.batch_size]
            rows = rows[np.argsort(self._quantiles(rows), kind="stable")]
            batches += [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        short = [batch for batch in batches if len(batch) < self.batch_size]  # at most one: it must come last
        whole = [whole[number] for number in generator.permutation(len(whole))]
        longest = self.lengths.max()
        whole.sort(key=lambda batch: self.lengths[batch].max() < longest)
        return map(int, np.concatenate([*whole, *short]))  # a list of a million numbers would take 40 MB

    def _quantiles(self, rows: np.ndarray) -> np.ndarray:
        """Return where each row stands among those of its class, the longest at 0 and the shortest at 1."""
        quantiles = np.empty(len(rows))
        for label in np.unique(self.labels[rows]):
            members = np.flatnonzero(self.labels[rows] == label)
            by_length = members[np.argsort(-self.lengths[rows[members]], kind="stable")]
            quantiles[by_length] = (np.arange(len(members)) + 0.5) / len(members)
        return quantiles


def epoch_decay(decay: float, steps_per_epoch: int, floor: float) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: `decay` once more after every epoch, never below `floor`."""
    return lambda step: max(decay ** (step // steps_per_epoch), min(floor, 1.0))


def parameter_groups(
    model: BackboneClassifier, learning_rate: float, head_learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Group the trainable parameters: backbone and head, each with matrices (decayed) and vectors (not decayed).

    Biases and the weights of LayerNorm and BatchNorm are vectors; the Trainer's own rule goes by names and decays most
    BatchNorm weights of a DenseNet.
    """
    groups = []
    for module, rate in ((model.backbone, learning_rate), (model.classifier, head_learning_rate)):
        trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
        for decayed in (True, False):
            parameters = [parameter for parameter in trainable if (parameter.ndim > 1) == decayed]
            if parameters:
                groups.append({"params": parameters, "lr": rate, "weight_decay": weight_decay if decayed else 0.0})
    return groups


def make_loss(class_weights: list[float] | None, label_smoothing: float) -> Callable[..., torch.Tensor] | None:
    """Return the loss for the Trainer's `compute_loss_func`, or None where the model's own plain one will do.

    Each row's cross-entropy counts by the weight of its class, and the sum is divided by the number of rows of the whole
    accumulated batch, so that 8 rows at once and 2 x 4 accumulated rows give the same gradient.

    Args:
        class_weights: A weight for each class, or None for equal ones.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al., arXiv 1512.00567).

    """
    if class_weights is None and label_smoothing == 0:
        return None

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None) -> torch.Tensor:
        """Average the weighted, smoothed cross-entropy of (batch, labels) logits over the accumulated batch."""
        logits = outputs.logits
        losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
        if class_weights is not None:
            weights = losses.new_tensor(class_weights)
            losses = losses * (weights[labels] if labels.ndim == 1 else labels @ weights)
        if getattr(outputs, "auxiliary_loss", None) is not None:  # what a model adds of its own, a mean over the rows
            losses = losses + outputs.auxiliary_loss
        if num_items_in_batch is None:
            return losses.mean()
        # The Trainer counts labels, of which a mixed row has one for each class.
        return losses.sum() / (num_items_in_batch / (labels.numel() / len(labels)))

    return loss


class EpochLog(TrainerCallback):
    """Notes the seconds of each training epoch in the Trainer's log history, and prints a readable line for each log.

    With them stands how much of it the steps waited for data: from the end of a step (or of what comes between steps) to the
    beginning of the next.
    """

    def __init__(self) -> None:
        self._start = self._free = self._waited = 0.0

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._start = self._free = time.perf_counter()
        self._waited = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note how long the step's batches took to come."""
        self._waited += time.perf_counter() - self._free

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Begin to wait."""
        self._free = time.perf_counter()

    on_evaluate = on_save = on_step_end  # what came before was no waiting

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the time; evaluation and saving come later and do not count."""
        seconds = {"epoch_seconds": time.perf_counter() - self._start, "data_seconds": self._waited}
        rounded = {name: round(value, 3) for name, value in seconds.items()}
        state.log_history.append({"epoch": state.epoch, **rounded, "step": state.global_step})

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Print losses and accuracies, above the progress bar where there is one."""
        if not state.is_world_process_zero or not logs:
            return
        for prefix, name in (("", "train"), ("eval_", "validation")):
            if f"{prefix}loss" in logs:
                figures = [f"loss {logs[f'{prefix}loss']:.4f}"]
                figures += [
                    f"{figure.replace('_', ' ')} {logs[prefix + figure]:.4f}"
                    for figure in ("accuracy", "macro_f1")
                    if prefix + figure in logs
                ]
                tqdm.write(f"Epoch {logs.get('epoch', 0):.4g}: {name} {', '.join(figures)}.")


class QuietProgress(ProgressCallback):
    """The Trainer's progress bar, without the dictionary that it prints at each log."""

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **kwargs: Any
    ) -> None:
        """Leave the logs to `EpochLog`."""
