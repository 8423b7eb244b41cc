"""The trained model, put into its run's folder as a whole."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..errors import told
from ..files import describe_room, files_beside
from ..task import Task
from .result_files import save_metrics
from .trainer import ClassifierTrainer

_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json")


def save_trained(trainer: ClassifierTrainer, task: Task, folder: Path, metrics: dict[str, Any]) -> None:
    """Save the model with its code, the processor, the Trainer's state, and the metrics of training as the first results.

    All processes call it, the main one writes. A kill at any moment leaves the model of before, the new one, or one without
    `config.json`, which nothing loads.

    Raises:
        UserError: There is no room for it.

    """
    task.model.drop_training_parts()
    is_main = trainer.is_world_process_zero()
    size = sum(tensor.nbytes for tensor in trainer.model.state_dict().values())
    with (
        told(folder, f"the model takes {describe_room(size)}"),
        files_beside(folder, _CONFIG, _WEIGHTS) if is_main else nullcontext(folder) as beside,
    ):
        trainer.save_model(str(beside))
        if is_main:
            (beside / "training_args.bin").unlink(missing_ok=True)  # a pickle; hfkit.yaml says the same
            for file in beside.glob("*.safetensors"):
                file.chmod(0o644)  # transformers writes it for the user alone
    trainer.save_state()
    if is_main:
        # An end that was cut off before may have left results of its own.
        save_metrics(folder, "train", metrics, begins=True)
    trainer.accelerator.wait_for_everyone()
