"""Metrics of one process in files that outlive it.

The files have the layout of prometheus-client's multiprocess mode, so its own collector reads them
too; a further small file carries the exemplars, for which that layout has no room. Each file is
locked for as long as its process lives, and is never shared: a forked child starts its own.
"""

from __future__ import annotations

from .children import Counter, Gauge, Histogram
from .files import MetricFiles
from .layout import (
    HEADER_SIZE,
    BrokenFileError,
    Exemplar,
    exemplar_file_name,
    parse_file_name,
    read_entries,
    read_exemplars,
    read_used,
)

__all__ = [
    "HEADER_SIZE",
    "BrokenFileError",
    "Counter",
    "Exemplar",
    "Gauge",
    "Histogram",
    "MetricFiles",
    "exemplar_file_name",
    "parse_file_name",
    "read_entries",
    "read_exemplars",
    "read_used",
]
