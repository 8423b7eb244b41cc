"""The one small subclass of `transformers.Trainer`, for what no callback or argument can do, and our callbacks."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from transformers import Trainer

from ..data.stored_rows import numbers_of
from ..hub.card import plain_card
from ..models.base import BackboneClassifier
from .sampler import BalancedLengthSampler

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

    def _set_signature_columns_if_needed(self) -> None:
        """Keep the column from which stored features are read; `forward` does not take it, but what is read there."""
        super()._set_signature_columns_if_needed()
        if "position" not in self._signature_columns:
            self._signature_columns.append("position")

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
