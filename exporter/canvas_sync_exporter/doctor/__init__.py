"""What ``canvas-sync-monitor doctor`` looks at: each check answers what it found and what to do."""

from __future__ import annotations

from .examination import examine
from .finding import Finding, Status

__all__ = ["Finding", "Status", "examine"]
