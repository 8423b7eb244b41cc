"""A process that works with a Hub: it reads requests, one a line, and answers in JSON.

    {"call": "module:function", "arguments": [...]}

Its environment names the Hub before huggingface_hub is imported, which a test cannot do in its own process.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Call a function; `path:...` arguments become paths."""
    module, _, name = request["call"].partition(":")
    arguments = [
        Path(value[5:]) if isinstance(value, str) and value.startswith("path:") else value
        for value in request["arguments"]
    ]
    try:
        return {"value": getattr(importlib.import_module(module), name)(*arguments)}
    except Exception as error:
        return {"error": str(error), "kind": type(error).__name__, "traceback": traceback.format_exc()}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what the functions print is no answer
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line)), default=str), file=answers, flush=True)
