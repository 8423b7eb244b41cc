"""The command line of a demo page: refusals that need no model, and a warning; nothing here imports torch."""

import socket
from importlib.util import find_spec
from ipaddress import ip_address

from ..errors import UserError, os_reason
from .prediction import check_model_path

PACKAGES = ("gradio", "captum")
LOCAL_HOST = "127.0.0.1"
"""Where the page listens unless another host is named: only programs of this machine reach it there."""


def check_demo_early(model: str, host: str, port: int | None) -> str | None:
    """Refuse what the command line alone makes impossible, and return a warning where other machines can reach the page.

    Args:
        model: Folder of a run, of a saved or of an exported model, or a Hub id.
        host: The address that the page listens on.
        port: Its port; None: the first free one from 7860 on.

    Raises:
        UserError: As above, or a package is not installed.

    """
    check_model_path(model)
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f'The demo page needs {" and ".join(missing)}: run pip install "hfkit[demo-page]".')
    if port is not None and not 0 < port < 2**16:
        raise UserError(f"--port {port}: write a number from 1 to 65535, or leave it out.")
    _check_can_listen(host, port)
    if is_loopback(host):
        return None
    return (
        f"Warning: on {host} everybody who reaches this machine can open the page, without a password: they can use the "
        "model, and see the example rows."
    )


def _check_can_listen(host: str, port: int | None) -> None:
    """Refuse an address that is none of this machine's, and a port that is taken.

    Raises:
        UserError: As above.

    """
    name = host.strip("[]")
    if not name.strip():
        raise UserError(f"--host is empty: write an address such as {LOCAL_HOST}, or leave it out.")
    try:
        family, *_, address = socket.getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        place = host if port is None else f"{host}, port {port}"
        raise UserError(
            f"The page cannot listen on {place} ({os_reason(error)}): name another --host or --port."
        ) from error


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine reaches."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
