"""The `hfkit` command; each verb is a thin call of a function."""
