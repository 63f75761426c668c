"""The dashboards of Grafana that are delivered with the exporter."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Dashboard"]


class Dashboard(StrEnum):
    """The uid of a dashboard, which is a part of its URL."""

    OVERVIEW = "canvas-sync-overview"
    RUNS = "canvas-sync-runs"
    API = "canvas-sync-api"
    STORAGE = "canvas-sync-storage"
    STACK = "canvas-sync-stack"
