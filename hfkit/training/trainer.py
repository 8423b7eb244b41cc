"""The one small subclass of `transformers.Trainer`, for what no callback or argument can do."""

import math
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from transformers import Trainer, TrainerCallback

from ..data.stored_rows import read_column
from ..errors import UserError
from ..hub.card import plain_card
from ..models.losses import IGNORED, Objective, counted_rows
from .rates import epoch_decay, parameter_groups
from .result_files import save_metrics, save_state
from .sampler import BalancedLengthSampler, ClassBalancedSampler, ShuffledSampler
from .saving import KeepBest, check_best, written_beside
from .stopping import StopAtStep
from .totals import TrainingTotals

# What the optimizers that build their own parameter groups (GaLore, LOMO, ...) hand over in place of ours.
_OWN_GROUPS = {"params", "model", "optimizer_dict"}


class ClassifierTrainer(Trainer):
    """`transformers.Trainer` with two learning rates, one loss, and losses and accuracies that can be compared.

    In its log `loss` and `eval_loss` are the plain cross-entropy, each row once; what is minimised is `objective` where it
    differs (class weights, smoothing, mixed labels, an auxiliary loss). Loss and accuracy of the training batches are those of
    the predictions training makes anyway, with dropout on and while the weights move, as Keras reports them; a second pass
    over the training data would cost a third of an epoch. For mixed labels they take the class with the larger share.

    Args:
        head_learning_rate: Peak learning rate of the head.
        objective: What is minimised; default: the plain cross-entropy.
        callbacks: As the Trainer takes them.
        class_ids: (rows,) of the training rows, by which balanced sampling draws them.
        options: Further arguments of the Trainer.

    """

    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        *,
        head_learning_rate: float,
        objective: Objective | None = None,
        callbacks: Sequence[TrainerCallback] = (),
        class_ids: np.ndarray | None = None,
        **options: Any,
    ) -> None:
        self.objective = objective or Objective()
        self.head_learning_rate, self.class_ids = head_learning_rate, class_ids
        self.written_into: Path | None = None
        with warnings.catch_warnings():
            # The Trainer's own smoothing knows one label a row alone; ours is in the objective.
            warnings.filterwarnings("ignore", "Label smoothing is not compatible with multi-label", UserWarning)
            # With a `compute_loss_func` the Trainer leaves the division by the rows of the accumulated batch to us.
            self.stop = StopAtStep()  # in front of those that what is to be saved matters to
            own = [self.stop, TrainingTotals(), KeepBest()]
            super().__init__(compute_loss_func=self.objective, callbacks=[*own, *callbacks], **options)

    @property
    def totals(self) -> TrainingTotals:
        """What is counted in training; a run that is continued has another one than it began with."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, TrainingTotals))

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

    def _get_dataloader(self, *arguments: Any, **options: Any) -> Any:
        """Seed workers by a generator of their own.

        From torch's global one each new set of workers takes a number, so that in a run that is continued with workers that
        stay, dropout would go on with others.
        """
        dataloader = super()._get_dataloader(*arguments, **options)
        dataloader.base_dataloader.generator = torch.Generator().manual_seed(self.args.seed)
        return dataloader

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        """Order the rows by seed and epoch alone; the Trainer's own grouping by length unbalances the classes."""
        rows = self.train_dataset  # what is handed over has lost its column of lengths, as `forward` does not take it
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        if self.args.train_sampling_strategy == "random":
            return ShuffledSampler(len(rows), seed, self._epoch)
        if self.args.train_sampling_strategy == "balanced":
            assert self.class_ids is not None
            assert len(self.class_ids) == len(rows)
            return ClassBalancedSampler(self.class_ids, seed, self._epoch)
        grouped = self.args.train_sampling_strategy == "group_by_length"
        if not grouped or not isinstance(rows, Dataset) or self.args.length_column_name not in rows.column_names:
            return super()._get_train_sampler(train_dataset)
        lengths, labels = read_column(rows, self.args.length_column_name), read_column(rows, "labels")
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps * max(self.args.world_size, 1)
        return BalancedLengthSampler(batch_size, lengths, labels, seed, self._epoch)

    def _epoch(self) -> int:
        """Return the index of the epoch that is trained."""
        return int(self.state.epoch or 0)

    def _set_signature_columns_if_needed(self) -> None:
        """Keep the column from which stored features are read; `forward` does not take it, but what is read there."""
        super()._set_signature_columns_if_needed()
        if "position" not in self._signature_columns:
            self._signature_columns.append("position")

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int] | None:
        """Read the rows in their order; they are sorted by length, and the Trainer would do it again."""
        return SequentialSampler(eval_dataset) if self.args.world_size <= 1 else None

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Any]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], torch.Tensor | None]:
        """Fetch the batches of a step, and count their rows in all processes.

        The Trainer counts labels, of which a mixed row has one for each class, and with several GPUs in one process divides
        them. It also trains on the rows that accelerate repeats to fill the last batch of several processes.
        """
        batches = list(islice(epoch_iterator, num_batches))
        if not batches:
            return batches, None
        self._ignore_repeated_rows(batches[-1])
        rows = torch.stack([counted_rows(batch["labels"]).sum() for batch in batches]).sum().to(device)
        return batches, self.accelerator.reduce(rows, "sum")

    def _ignore_repeated_rows(self, batch: dict[str, Any]) -> None:
        """Take the labels from the rows of the epoch's last batch that other processes have, too."""
        dataloader = self.accelerator.gradient_state
        is_last = dataloader.end_of_dataloader and not self.args.dataloader_drop_last
        if self.args.world_size == 1 or not is_last or dataloader.remainder <= 0:
            return
        before = self.args.process_index * len(batch["labels"])
        batch["labels"][max(dataloader.remainder - before, 0) :] = IGNORED

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Compute the objective of a batch of training, and count what the log reports.

        It is divided by the rows of the whole accumulated batch; DDP takes the mean over the processes, which is undone here.
        The Trainer's own undoes it also for several GPUs in one process, where no mean is taken.
        """
        labels = inputs["labels"]
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        loss = self.objective(outputs, labels, num_items_in_batch)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        self.totals.add(self.objective, outputs, labels)
        return (loss, outputs) if return_outputs else loss

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[None, torch.Tensor, torch.Tensor | None]:
        """Return no loss, the logits (rows, classes) and the labels of a batch of evaluation.

        The Trainer's loss is a mean of means, in which the rows of the last batch count more, and with several processes also
        the repeated ones; `compute_metrics` computes it from the logits of all rows.
        """
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad():
            outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        return None, outputs.logits.detach(), inputs.get("labels")

    def _get_output_dir(self, trial: Any = None) -> str:
        """Return the folder of the checkpoints: the run's, or while one is written that beside it."""
        return super()._get_output_dir(trial) if self.written_into is None else str(self.written_into)

    def _save_checkpoint(self, *arguments: Any, **options: Any) -> None:
        """Save a checkpoint beside and under sums, and under the names that the model's modules have.

        transformers would save ViT, DINOv2 and others under the names of their first release, which the Trainer does not find
        in the model when it loads the best checkpoint, or continues from one.
        """
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        model.save_pretrained = partial(model.save_pretrained, save_original_format=False)
        with written_beside(self) as self.written_into:
            try:
                super()._save_checkpoint(*arguments, **options)
            finally:
                del model.save_pretrained
                self.written_into = None

    def _load_best_model(self) -> None:
        """Load the best checkpoint, or refuse one that is damaged: the Trainer would keep the last weights with a warning.

        Raises:
            UserError: As above.

        """
        check_best(self)
        super()._load_best_model()

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Refuse a checkpoint that does not hold all weights of the model, and nothing else; the Trainer warns and goes on.

        Raises:
            UserError: As above.

        """
        state = self.accelerator.unwrap_model(self.model, keep_torch_compile=False).state_dict()
        missing = set(load_result.missing_keys)
        loaded = {tensor.data_ptr() for name, tensor in state.items() if name not in missing}
        # Of weights that have two names, such as T5's embeddings, one is saved.
        problems = [name for name in load_result.missing_keys if state[name].data_ptr() not in loaded]
        problems += load_result.unexpected_keys
        if problems:
            more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
            raise UserError(
                f"A checkpoint of {self.args.output_dir} does not hold the weights of this model: {', '.join(problems[:3])}"
                f"{more}; it is of other flags or of another version, so start the run again."
            )

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Keep the card that is there, or write a short one: the Trainer's own says "More information needed"."""
        file = Path(self.args.output_dir) / "README.md"
        if self.is_world_process_zero() and not file.exists():
            plain_card(self.accelerator.unwrap_model(self.model)).save(file)

    def save_metrics(self, split: str, metrics: dict[str, float], combined: bool = True) -> None:
        """Save results so that a kill or a full disk leaves the files of before: the Trainer cannot read one that was cut."""
        if self.is_world_process_zero():
            save_metrics(Path(self.args.output_dir), split, metrics)

    def save_state(self) -> None:
        """Save the Trainer's state in the same way."""
        if self.is_world_process_zero():
            save_state(Path(self.args.output_dir), self.state)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log what the rows since the last log gave, and at the end what those of the whole run gave.

        The Trainer's own loss is the objective, and in a run that is continued that of the steps since.
        """
        if "loss" in logs:
            logs |= self.totals.take_log()
        if "train_runtime" in logs:
            logs |= self.totals.describe_run(self.state.global_step)
        super().log(logs, start_time)
