"""From the name of a backbone to a classifier on top of it."""
