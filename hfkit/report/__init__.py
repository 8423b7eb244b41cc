"""What a run shows: tables, plots, pictures of its data, and the summary for its card."""
