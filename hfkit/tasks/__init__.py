"""From flags or Python values to a task and its run."""
