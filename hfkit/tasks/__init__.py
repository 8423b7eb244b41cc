"""Tasks: from flags to a model, its data and its preprocessing, and on to the run of a training.

Not here: the phases of the run (training/), and the command lines themselves (recipes/).
Start reading in train.py, what texts and images share; text.py and image.py are the functions that recipes call, and
from_python.py those for notebooks, which return the run of finished_run.py.
"""

__all__ = ["again", "finished_run", "from_python", "image", "text", "train"]
