"""Trains and evaluates a tiny model in one process or several, and writes what came of it."""

import json
import sys
from pathlib import Path

import torch
from test_losses import image_rows, train, without_chance
from tiny import TINY

from hfkit.models.losses import Objective


def main(batch_size: int, output: Path) -> None:
    """Train on 52 rows, evaluate 11 after each epoch, and write weights and logs."""
    torch.manual_seed(0)
    model = without_chance(TINY["hfkit-timm/vit-linear"]())
    options = {"per_device_train_batch_size": batch_size, "per_device_eval_batch_size": 4, "eval_strategy": "epoch"}
    trainer = train(model, image_rows(model), output.parent / "run", Objective((0.5, 2.0)), **options)
    if trainer.is_world_process_zero():
        logs = {name: value for entry in trainer.state.log_history for name, value in entry.items()}
        weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
        output.write_text(json.dumps({**logs, "weights": weights}))
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
