"""The flags of the recipes: dataclasses with our defaults, read from a command line or a YAML file, and refused if wrong.

Not here: checks that need a model or data (training/checks.py). Only kinds, parsing and training_arguments import torch.
Start reading in arguments.py, the flags of model and data (image_arguments.py for images); parsing.py fills them.
"""

__all__ = [
    "arguments",
    "class_weights",
    "command_line",
    "configuration",
    "demo",
    "early",
    "export",
    "help",
    "image_arguments",
    "keywords",
    "kinds",
    "ladder",
    "names",
    "parsing",
    "paths",
    "plain_yaml",
    "prediction",
    "prediction_input",
    "solver",
    "tables",
    "training_arguments",
    "values",
    "yaml_flags",
]
