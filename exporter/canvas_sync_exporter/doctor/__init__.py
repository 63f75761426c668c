"""The checks of ``canvas-sync-monitor doctor``: each returns its finding and a remedy."""

from __future__ import annotations

from .examination import examine
from .finding import Finding, Status

__all__ = ["Finding", "Status", "examine"]
