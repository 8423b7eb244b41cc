"""The flags of the recipes: dataclasses with our defaults, read from a command line or a YAML file, and refused if wrong.

Not here: checks that need a model or data (training/checks.py). Only kinds, parsing and training_arguments import torch.
Start reading in arguments.py, the flags of model and data; parsing.py turns a command line into dataclasses.
"""

__all__ = [
    "arguments",
    "configuration",
    "early",
    "help",
    "kinds",
    "names",
    "parsing",
    "paths",
    "training_arguments",
    "values",
]
