"""Gathers the facts: from the table of runs, the metric files, the folders and the clock."""
