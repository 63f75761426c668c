"""Gathers the facts: from the table of runs, the metric files, the folders and the clock."""

from .gatherer import Expect, Gatherer

__all__ = ["Expect", "Gatherer"]
