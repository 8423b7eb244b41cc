"""What has to be installed to use a pushed model without hfkit."""

import json
import re
from pathlib import Path


def list_packages(run: Path) -> list[str]:
    """Return what has to be installed, transformers in a version that is not older than the one of the proof."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in run.glob("*.py"))
    imported = set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE))
    extra = sorted(imported & {"emoji", "timm", "torchvision"})
    is_image = (run / "preprocessor_config.json").exists()
    version = json.loads((run / "env.json").read_text(encoding="utf-8"))["packages"]["transformers"]
    least = f'"transformers>={".".join(version.split(".")[:2])}"'
    return ["torch", least, *sorted({*extra, *(["torchvision", "pillow"] if is_image else [])})]
