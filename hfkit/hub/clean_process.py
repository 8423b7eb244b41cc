"""A script: loads a model as a person without hfkit does, and prints what it predicts. It imports nothing of hfkit.

    python clean_process.py REQUEST.json

REQUEST.json holds `model` (a folder or a Hub id), `revision`, `task`, `inputs` (texts, or files of images), `hub_fault`, the code
that it ends with where the Hub failed in a way that may pass, and of a stranger's model `memory_bytes`, which it may take besides
what importing torch maps. The last line of its output is JSON: the labels of the model, and for each input their scores.
"""

import json
import sys
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any


class BlockHfkit(MetaPathFinder):
    """Finds no hfkit, as on a machine where it was never installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Raise for hfkit and what is in it, and leave the rest to others."""
        if fullname.partition(".")[0] == "hfkit":
            raise ModuleNotFoundError(f"No module named {fullname!r} (blocked)", name=fullname)


def block_hfkit() -> None:
    """Make hfkit impossible to import, and make sure of it."""
    sys.meta_path.insert(0, BlockHfkit())
    try:
        import_module("hfkit")
    except ModuleNotFoundError:
        return
    raise SystemExit("hfkit could be imported: this would prove nothing.")


def limit_memory(memory_bytes: int) -> None:
    """Let this process map so many bytes besides what it has, where the system has such a limit."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        most = mapped + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def predict(request: dict[str, Any]) -> dict[str, Any]:
    """Load the model by `pipeline()`, with its own code, and predict the inputs one by one, in float32."""
    import torch
    from transformers import pipeline

    if request["memory_bytes"] is not None:
        limit_memory(request["memory_bytes"])
    torch.manual_seed(0)
    classify = pipeline(
        request["task"],
        model=request["model"],
        revision=request["revision"],
        trust_remote_code=True,
        dtype=torch.float32,
        device="cpu",
    )
    names = classify.model.config.id2label
    labels = [names[number] for number in sorted(names)]
    scores = []
    for content in request["inputs"]:
        prediction = {entry["label"]: entry["score"] for entry in classify(content, top_k=len(labels))}
        scores.append([prediction.get(label) for label in labels])
    return {"labels": labels, "scores": scores, "code": type(classify.model).__module__.partition(".")[0]}


def is_hub_fault(error: BaseException | None) -> bool:
    """Whether an error comes from a connection that failed, or from an answer after which it is worth to ask again."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return response.status_code in (408, 429) or response.status_code >= 500
        if type(error).__name__ == "OfflineModeIsEnabled":
            return False
        if isinstance(error, ConnectionError) or type(error).__module__.startswith("httpx"):
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> None:
    """Print the prediction of a request."""
    block_hfkit()
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        print(json.dumps(predict(request)))
    except Exception as error:
        if not is_hub_fault(error):
            raise
        print(error, file=sys.stderr)
        sys.exit(request["hub_fault"])


if __name__ == "__main__":
    main()
