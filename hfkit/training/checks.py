"""What flags alone, or flags with a model, make impossible."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers.integrations import get_available_reporting_integrations

from ..errors import UserError
from ..evaluation.label_kinds import label_kind
from ..evaluation.metrics import Metrics, make_metrics
from ..flags.kinds import Arguments
from ..flags.training_arguments import TrainingArguments
from ..flags.values import check_learning_rate, check_lora_is_on
from ..hub.push import check_can_push
from ..task import Task


@dataclass(frozen=True)
class PushOrder:
    """Where a finished run is pushed to, and under which license."""

    repo_id: str
    license: str
    language: str | None
    private: bool


def check_flags(arguments: Arguments[Any, Any]) -> None:
    """Refuse what flags alone say cannot work, before any data are read.

    Raises:
        UserError: A tracker is not there, a flag would do nothing, or the run could not be pushed at its end.

    """
    training = arguments.training
    model, typed = arguments.model, arguments.on_command_line
    check_learning_rate(model.unfreeze_from, model.peft, training.learning_rate, typed)
    check_lora_is_on(model.peft, typed)
    _check_reporters(training.report_to)
    push = read_push_order(training)
    if push is not None and training.process_index == 0:
        check_can_push(push.repo_id, push.license, push.language)


def read_push_order(training: TrainingArguments) -> PushOrder | None:
    """Return the order to push, or None.

    Raises:
        UserError: It names a token or a branch.

    """
    if training.hub_token is not None:
        raise UserError("--hub_token would stand in the shell's history: run `hf auth login`, or set HF_TOKEN.")
    if not training.push_to_hub:
        return None
    if training.hub_revision is not None:
        raise UserError("--hub_revision: a proven push goes to the branch main and is tagged; leave the flag out.")
    private = bool(training.hub_private_repo)
    return PushOrder(str(training.hub_model_id or ""), str(training.license or ""), training.language, private)


def _check_reporters(names: list[str]) -> None:
    """Refuse a tracker that is unknown or not installed."""
    available = get_available_reporting_integrations()
    for name in names:
        if name not in available:
            raise UserError(
                f"--report_to {name}: it is not installed here or unknown (there are: {', '.join(available) or 'none'}); "
                'TensorBoard comes by pip install -e ".[tensorboard]".'
            )


def choose_metrics(training: TrainingArguments, task: Task) -> Metrics:
    """Return what computes the metrics of a run, once its choice of the best checkpoint is known to be one of them.

    They are computed on made-up predictions, so that a wrong name ends the run now and not after an epoch.

    Raises:
        UserError: There is no such metric, or early stopping has nothing to go by.

    """
    if training.early_stopping_patience > 0 and not training.load_best_model_at_end:
        raise UserError(
            "--early_stopping_patience needs --load_best_model_at_end true and --eval_strategy epoch or steps."
        )
    num_labels = len(task.label_names)
    metrics = make_metrics(num_labels, training.metric or (), label_kind(task.model.config))
    labels = np.eye(num_labels) if task.is_multi_label else np.arange(num_labels)
    known = sorted(["loss", *metrics(np.eye(num_labels), labels)])
    name = (training.metric_for_best_model or "loss").removeprefix("eval_")
    # The Trainer looks the name up at every evaluation, also where the best checkpoint is not loaded.
    if training.eval_strategy != "no" and name not in known:
        raise UserError(f"--metric_for_best_model {name}: there is no such metric; write one of {', '.join(known)}.")
    return metrics


def check_checkpointing(arguments: Arguments[Any, Any], task: Task) -> None:
    """Refuse to trade time for memory where the backbone does not know how, or where gradients would be lost."""
    training = arguments.training
    if not training.activation_checkpointing:
        return
    if not task.model.supports_gradient_checkpointing:
        raise UserError(
            f"--activation_checkpointing (or --gradient_checkpointing): the backbone {arguments.model.backbone} does not "
            "support it; lower --per_device_train_batch_size and raise --gradient_accumulation_steps by as much."
        )
    if (training.activation_checkpointing_kwargs or {}).get("use_reentrant"):
        raise UserError(
            '--activation_checkpointing_kwargs {"use_reentrant": true} gives layers behind frozen ones no gradient: leave it '
            "out."
        )
