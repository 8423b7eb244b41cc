"""From a name of data to what they hold, printed and written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data.modality import Modality, find_modality
from ..errors import UserError
from ..flags.arguments import TextDataArguments
from ..flags.image_arguments import ImageDataArguments
from ..run_folders.show import show_json, show_line
from .configuration import write_inspection
from .result import Inspection
from .show import show_inspection


def inspect_data(
    dataset: str,
    task: Modality | None,
    flags: Mapping[str, Any],
    text_flags: Mapping[str, Any],
    image_flags: Mapping[str, Any],
) -> Inspection:
    """Inspect data of texts or of images.

    Args:
        dataset: Their name.
        task: What they are; None: found out.
        flags: Flags of data for both.
        text_flags: Those for texts alone; None is not given.
        image_flags: Those for images alone; None is not given.

    Raises:
        UserError: They cannot be read, what they are cannot be told, or a flag is for the other kind.

    """
    task = task or find_modality(dataset)
    other, kind = (image_flags, "images") if task == "text" else (text_flags, "texts")
    wrong = next((name for name, value in other.items() if value is not None), None)
    if wrong is not None:
        raise UserError(f"--{wrong} is for {kind}, and {dataset} holds {task}s: leave it out, or write --task.")
    if task == "text":  # what the other reads with is not imported
        from .texts import inspect_texts

        return inspect_texts(TextDataArguments(dataset=dataset, **flags, **text_flags))
    from .images import inspect_images

    return inspect_images(ImageDataArguments(dataset=dataset, **flags, **image_flags))


def tell_inspection(inspection: Inspection, write: Path | None, as_json: bool) -> None:
    """Print what data hold, and write a configuration where one is asked for.

    Args:
        inspection: What `inspect_data` found.
        write: New YAML file, without `~`; or None.
        as_json: Print JSON, and nothing else.

    Raises:
        UserError: As `write_inspection`.

    """
    if as_json:
        show_json(inspection.to_json())
    else:
        show_inspection(inspection)
    if write is not None:
        write_inspection(write, inspection)
        if not as_json:
            show_line(f"Written: {write}, for hfkit train {inspection.task} --config {write}")
