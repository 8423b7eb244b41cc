"""The Hub left out where it cannot be reached."""

import functools

import datasets
import huggingface_hub


@functools.cache
def use_cache_without_hub() -> None:
    """Ask the Hub once whether it can be reached; if not, use what is cached, and say so.

    Otherwise each missing file is tried for a minute before its error.
    """
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=10)
    except Exception as error:  # whatever the reason: no name, no route, a proxy, a time-out
        print(f"The Hub cannot be reached ({type(error).__name__}): only what is cached is used.", flush=True)
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True
