"""The frozen part of a model runs once; what it gives is stored, found again and trained on."""
