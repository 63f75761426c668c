"""Metrics of one process in files that outlive it.

The files have the layout of prometheus-client's multiprocess mode, so its own collector can read
them too. Another small file has the exemplars, which that layout does not support. Each file is
locked as long as its process lives, and is never shared: a forked child creates its own.
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
