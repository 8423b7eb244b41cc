"""The feature cache: the frozen layers run once over the data, and training reads the hidden states or features that they gave.

Not here: which layers are frozen (freezing.py), and how a model runs in two parts (models/splitting.py).
Start reading in inputs.py, what training calls; cache.py knows what is stored, passes.py computes it, store.py keeps it on disk;
solve.py makes a head of what is stored; ngram_classifier.py and word_pieces.py need no network.
"""

__all__ = [
    "apply_solution",
    "cache",
    "candidates",
    "hidden_states",
    "inputs",
    "learning_curve",
    "matrix",
    "ngram_classifier",
    "passes",
    "reading",
    "solution",
    "solve",
    "solved_scores",
    "store",
    "word_pieces",
]
