"""Sidecars: small files that say what is in an archive, so that a search need not open it."""

from __future__ import annotations

from .folder import complete_sidecars, read_sidecar, sidecar_path
from .sidecar import FIRST_BYTES, PieceSummary, Sidecar

__all__ = [
    "FIRST_BYTES",
    "PieceSummary",
    "Sidecar",
    "complete_sidecars",
    "read_sidecar",
    "sidecar_path",
]
