"""What a run writes and prints before it trains."""

from rich.console import Console

from ..data.data_hashes import hash_data
from ..flags.configuration import Configuration, write_configuration
from ..machine import describe_environment
from ..notes import Note
from ..report.console import show_run_header
from ..report.tables import write_json, write_table
from ..run_folders.start import allow_configuration, write_start_record
from ..task import Task
from .settings import RunSettings


def begin(
    task: Task, settings: RunSettings, threads: int, is_cached: bool, notes: list[Note], console: Console
) -> None:
    """Write what is known before training, on the main process, and print what the run is about to do."""
    if settings.training.process_index == 0:
        write_start(task, settings, threads, is_cached)
    show_run_header(console, task, settings.arguments, notes, threads, settings.folder)


def write_start(task: Task, settings: RunSettings, threads: int, is_cached: bool) -> None:
    """Write what is known before training: the flags, the machine, and the tables of the data.

    Where the feature cache turned out to save nothing, that is filled in: a run that is continued does not ask again.
    """
    configuration = settings.configuration
    if not is_cached and "feature_cache" not in settings.arguments.given:
        flags = {name: value for name, value in configuration.flags.items() if name != "feature_cache"}
        configuration = Configuration(flags, {**configuration.filled_in, "feature_cache": "off"})
    if settings.checkpoint is not None:
        allow_configuration(settings.folder, configuration.text())
    write_configuration(settings.folder, configuration)
    if settings.checkpoint is None:
        write_start_record(settings.folder, hash_data(task.rows, task.label_names))
    write_json(settings.folder / "env.json", describe_environment(settings.training, threads))
    for name, table in task.tables.items():
        write_table(settings.folder / name, table)
