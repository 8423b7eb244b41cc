"""What a run says of itself where everyone reads it: without names of this machine's files, and of what is private on the Hub."""

import json
import re
from pathlib import Path, PurePath
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from ..backbones.continuing import CONTINUES_FROM
from ..connection import ask
from ..files import write_file
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..report.summary import OWN_DATA, OWN_MODEL, SUMMARY_FILE
from ..visible import say
from .client import hub_errors
from .public_flags import has_own_backbone, public_configuration


def write_public_settings(run: Path, folder: Path, name_private: bool) -> list[str]:
    """Write the summary and the flags without what names files of this machine, and return the private ids left out."""
    summary = json.loads((run / SUMMARY_FILE).read_text(encoding="utf-8"))
    configuration = read_configuration(run / CONFIGURATION_FILE)
    private = [] if name_private else find_private(configuration.flags, summary)
    if private:
        say(f"Not named there, as they are private on the Hub: {', '.join(private)}; --name_private names them.")
    summary = public_summary(summary, configuration.flags, private)
    write_file(folder / SUMMARY_FILE, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    header = "# Runs this again: --config with this file; local data has to be named again by --dataset.\n"
    write_file(folder / CONFIGURATION_FILE, public_configuration(configuration, summary).text(header))
    return private


def find_private(flags: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """Return the ids of the backbone and the data that are not for everyone to see, as the Hub says without a token.

    Args:
        flags: Of the run; ids that hfkit itself fills in for a name of its own are public.
        summary: Of the run.

    Raises:
        UserError: The Hub cannot be reached.

    """
    named = {"backbone": ("model", summary["base_model"]), "dataset": ("dataset", summary["dataset_id"])}
    asked = [(kind, name) for flag, (kind, name) in named.items() if name and flags.get(flag) == name]
    return [name for kind, name in asked if not is_public(name, kind)]


def is_public(name: str, kind: str) -> bool:
    """Tell whether a repository can be seen without a token; a gated one can.

    Args:
        name: Its id.
        kind: `model` or `dataset`.

    Raises:
        UserError: The Hub cannot be reached.

    """
    with hub_errors(name):
        try:
            ask(lambda: HfApi(token=False).repo_info(name, repo_type=kind))
        except RepositoryNotFoundError:
            return False
    return True


def public_summary(summary: dict[str, Any], flags: dict[str, Any], private: list[str]) -> dict[str, Any]:
    """Return a summary that names no file of this machine, and nothing private.

    Args:
        summary: Of the run.
        flags: Of the run.
        private: Ids to leave out.

    """
    public, fillers = dict(summary), _find_local(flags, summary)
    if summary["base_model"] in private:
        public |= {"base_model": None, "backbone": OWN_MODEL}
    if has_own_backbone(flags, summary):
        public["backbone"] = OWN_MODEL
    if summary["dataset_id"] in private:
        public |= {"dataset": OWN_DATA, "dataset_id": None, "dataset_config": None, "dataset_revision": None}
    fillers |= {name: OWN_DATA if name == summary["dataset_id"] else OWN_MODEL for name in private}
    for key in ("kind", "lines", "data_lines"):
        public[key] = _replace(summary[key], fillers)
    return public


def _find_local(flags: dict[str, Any], summary: dict[str, Any]) -> dict[str, str]:
    """Return how notes may name files and folders of this machine, each with a filler: by the path, or by its last part.

    A last part that could be any word of a sentence is one only where a note continues from it.
    """
    weights = flags.get("weights") not in (None, "default", "none")
    data = not summary["dataset_id"] and summary["dataset"] == OWN_DATA
    own = {"backbone": has_own_backbone(flags, summary), "weights": weights, "dataset": data}
    fillers: dict[str, str] = {}
    for value in (str(flags[flag]) for flag, is_own in own.items() if is_own and flags.get(flag)):
        filler = OWN_DATA if value == str(flags.get("dataset")) else OWN_MODEL
        last = PurePath(value).name
        fillers |= {value: filler} if "/" in value or not _is_word(value) else {}
        fillers |= {last: filler} if last and not _is_word(last) else {}
        fillers |= {f"{CONTINUES_FROM} {last}": f"{CONTINUES_FROM} {filler}"} if filler == OWN_MODEL else {}
    return fillers


def _is_word(name: str) -> bool:
    return name.isalpha() and name.islower()


def _replace(content: Any, fillers: dict[str, str]) -> Any:
    """Put fillers in the place of whole names, in a text or in all of a list."""
    if isinstance(content, list):
        return [_replace(line, fillers) for line in content]
    for name, filler in fillers.items():
        content = re.sub(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", filler, content)
    return content
