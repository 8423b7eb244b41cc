"""What runs predicted of held-out rows, read back."""

FILES = {"validation": "report/validation_predictions.csv", "test": "predictions.csv"}
"""Where a run leaves what it predicted; the second one is of test where there is a test split with labels."""
