"""The Hub from here: whether it can be reached, and whether there is a token, which is never shown."""

from urllib.parse import urlsplit

import huggingface_hub

from .finding import Finding

SECONDS = 3.0
"""How long the Hub may take to answer."""


def check_network() -> list[Finding]:
    """Return whether the Hub can be reached, or is left out by the environment."""
    host = urlsplit(huggingface_hub.constants.ENDPOINT).hostname or "the Hub"
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return [Finding("network", "ok", "offline by HF_HUB_OFFLINE: only what is cached is used")]
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=SECONDS)
    except Exception as error:  # whatever the reason: no name, no route, a proxy, a time-out
        remedy = "Check network and proxy, or set HF_HUB_OFFLINE=1 to use what is cached without waiting."
        return [Finding("network", "warning", f"{host} cannot be reached ({type(error).__name__})", remedy)]
    return [Finding("network", "ok", f"{host} answers")]


def check_token() -> list[Finding]:
    """Return whether there is a token; only pushing and what is private or gated needs one."""
    if huggingface_hub.get_token() is None:
        return [Finding("token", "ok", "none: only pushing and private or gated repositories need one (hf auth login)")]
    return [Finding("token", "ok", "there is one")]
