"""From which score on a row gets a label: thresholds that validation chooses, and that the saved model keeps."""

from dataclasses import replace

from accelerate import PartialState
from rich.console import Console

from ..evaluation.label_kinds import label_kind
from ..evaluation.label_set_metrics import choose_thresholds
from ..flags.values import AUTO_THRESHOLDS
from ..models.base import BackboneClassifier
from .certify import store_in_config
from .predicted import Predicted
from .settings import RunSettings


def choose_label_thresholds(
    model: BackboneClassifier, settings: RunSettings, validation: Predicted, console: Console
) -> Predicted:
    """Choose the threshold of each label on validation where `--label_thresholds auto` asks for it, and say which they are.

    Args:
        model: The saved model, loaded again in float32; its config gets the thresholds, and so does the file in the folder.
        settings: Of the run.
        validation: What the model gave for it.
        console: Where to print.

    Returns:
        What the model gave for validation, decided by the thresholds.

    """
    if settings.arguments.model.label_thresholds != AUTO_THRESHOLDS:
        return validation
    assert validation.references is not None
    thresholds = choose_thresholds(validation.kind.scores(validation.logits), validation.references)
    model.config.label_thresholds = thresholds
    if PartialState().is_main_process:
        store_in_config(settings.folder, "label_thresholds", thresholds)
    names = [str(model.config.id2label[index]) for index in range(len(thresholds))]
    shown = ", ".join(f"{name} {threshold:.4f}" for name, threshold in zip(names, thresholds, strict=True))
    line = (
        f"\nThresholds with the highest F1 of each label on the {len(validation.logits)} rows of validation, whose own metrics "
        f"they make look better than they are: {shown}."
    )
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    return replace(validation, kind=label_kind(model.config))
