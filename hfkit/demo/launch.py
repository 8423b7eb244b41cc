"""A page from its model to its end: Gradio serves it on one address, and asks nobody else for anything."""

import os
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ..flags.demo import is_loopback
from ..prediction.opening import open_predictor
from .examples import find_examples

CONTENT_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
"""A browser that reads this loads nothing from elsewhere, and sends nothing there. Gradio's page has code inside."""

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]
_Receive = Callable[[], Awaitable[_Message]]


class ContentPolicy:
    """A layer of a web application (ASGI) that sends `CONTENT_POLICY` with every answer."""

    def __init__(self, app: Callable[[_Message, _Receive, _Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Let the application answer, and add the header."""

        async def send_with_policy(message: _Message) -> None:
            if message["type"] == "http.response.start":
                header = (b"content-security-policy", CONTENT_POLICY.encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await self.app(scope, receive, send_with_policy)


def names_of(host: str) -> list[str]:
    """Return the names by which a page of this machine alone is asked for; `*` where the page is for others, too.

    Another name leads to this machine where somebody's server says so, whose pages would read the answers then.
    """
    # Starlette takes what stands in front of the first colon for the name: of [::1] that is a bracket.
    return ["127.0.0.1", "localhost", "[" if ":" in host else host.lower()] if is_loopback(host) else ["*"]


def launch_page(model: str, host: str, port: int | None, revision: str | None, console: Console) -> None:
    """Open a model, serve its page, and wait for Ctrl-C.

    What is uploaded and predicted lies in a folder for temporary files until then.

    Args:
        model: Folder of a run, of a saved or of an exported model, or a Hub id.
        host: The address that the page listens on.
        port: Its port; None: the first free one from 7860 on.
        revision: Branch, tag or commit of a Hub id.
        console: Where the address of the page is printed.

    Raises:
        UserError: There is no such model, it is not one of hfkit's, or it cannot be loaded.

    """
    predictor = open_predictor(model, revision)
    with tempfile.TemporaryDirectory(prefix="hfkit-demo-") as folder:
        _set_environment(folder)  # which Gradio reads when it is imported

        import gradio as gr
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        from .page import build_page

        examples = find_examples(model, predictor.reads_texts)
        page = build_page(predictor, _name(model), examples, Path(folder))
        _, url, _ = page.launch(
            server_name=f"[{host}]" if ":" in host and not host.startswith("[") else host,
            server_port=port,
            share=False,
            inline=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            theme=gr.themes.Default(font=["sans-serif"], font_mono=["monospace"]),  # fonts that are there
            app_kwargs={
                "middleware": [
                    Middleware(TrustedHostMiddleware, allowed_hosts=names_of(host)),
                    Middleware(ContentPolicy),
                ]
            },
        )
        console.print(f"{url} in a browser shows the page; Ctrl-C ends it.", soft_wrap=True, highlight=False)
        page.block_thread()


def _name(model: str) -> str:
    """Return what the page calls a model: the name of a folder, or the Hub id."""
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else model


def _set_environment(folder: str) -> None:
    """Let Gradio send no statistics, keep its files in `folder`, and reach its own page past a proxy."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["GRADIO_TEMP_DIR"] = folder
    past_proxy = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, past_proxy))
