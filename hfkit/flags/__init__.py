"""Flags of the recipes: dataclasses with our defaults, and how they are read from a command line or YAML."""
