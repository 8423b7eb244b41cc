"""The last steps of a run: the manifest, by which it is finished, and only then the end of its checkpoints."""

from ..run_folders.checkpoints import delete_spent_checkpoints
from ..run_folders.manifest import write_manifest
from .settings import RunSettings


def complete(settings: RunSettings) -> str:
    """Write the manifest, and delete what only a continued training needs, unless flags keep it.

    Returns:
        What there is to say of the checkpoints; may be empty.

    """
    write_manifest(settings.folder)
    if settings.training.keep_checkpoints or "save_total_limit" in settings.arguments.given:
        return ""
    try:
        return delete_spent_checkpoints(settings.folder).describe()
    except (OSError, ValueError) as error:  # such as a disk that cannot be flushed: the run is whole all the same
        return f"The run is finished, and its checkpoints stay ({' '.join(str(error).split())})."
