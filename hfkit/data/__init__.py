"""Datasets: from the embedded sample, a file, a folder or the Hub to splits with checked labels."""
