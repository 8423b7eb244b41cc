"""A script: runs `predict.py` of an exported folder as a person does who has neither torch nor transformers nor hfkit.

    python clean_process.py FOLDER INPUTS.json

INPUTS.json holds a list of texts, or of files of images. The output is that of `predict.py`.
"""

import runpy
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

BLOCKED = frozenset(
    "torch transformers hfkit torchvision timm datasets accelerate peft onnx onnxscript sklearn pandas".split()
)


class BlockPackages(MetaPathFinder):
    """Finds none of these packages, as on a machine where they were never installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Raise for them and what is in them, and leave the rest to others."""
        if fullname.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {fullname!r} (blocked)", name=fullname)


def main(folder: Path, inputs: str) -> None:
    """Block the packages, make sure of it, and run the folder's script."""
    sys.meta_path.insert(0, BlockPackages())
    loaded = sorted(BLOCKED & set(sys.modules))
    if loaded:
        raise SystemExit(f"{', '.join(loaded)} are imported: this would prove nothing.")
    sys.path[0] = str(folder)
    sys.argv = ["predict.py", "--json", inputs]
    runpy.run_path(str(folder / "predict.py"), run_name="__main__")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
