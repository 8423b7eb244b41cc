"""What a run writes before it trains."""

from ..flags.configuration import write_configuration
from ..machine import describe_environment
from ..report.tables import write_json, write_table
from ..task import Task
from .resolve import RunSettings


def write_start(task: Task, settings: RunSettings, threads: int) -> None:
    """Write what is known before training: the flags, the machine, and the tables of the data."""
    write_configuration(settings.folder, settings.configuration)
    write_json(settings.folder / "env.json", describe_environment(settings.training, threads))
    for name, table in task.tables.items():
        write_table(settings.folder / name, table)
