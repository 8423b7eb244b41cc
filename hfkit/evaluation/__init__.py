"""Predictions of a model, and metrics of them with their intervals."""
