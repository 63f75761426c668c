"""Sidecars: small files that say what is in an archive, so that a search need not open it."""

from __future__ import annotations

from .archive_summary import ArchiveSummary
from .folder import complete_sidecars, read_sidecar, sidecar_path, write_sidecar
from .sidecar import FIRST_BYTES, PieceSummary, Sidecar

__all__ = [
    "FIRST_BYTES",
    "ArchiveSummary",
    "PieceSummary",
    "Sidecar",
    "complete_sidecars",
    "read_sidecar",
    "sidecar_path",
    "write_sidecar",
]
