"""A run: resolve the flags, train, finish (save, evaluate, report), push."""
