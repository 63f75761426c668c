"""A served exporter that has seen one sync; a conftest imports the fixture ``served`` from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, Metric
from werkzeug.routing import Map

from canvas_sync_core.names import MessageState
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.collectors import (
    ChecksCollector,
    JudgeCollector,
    MessagesCollector,
    register_collectors,
)
from canvas_sync_exporter.judge.judge import JudgeState
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.health import HealthChecks
from canvas_sync_exporter.zero_counters import start_counters
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, shutdown

from .http import serving
from .tables import create_tables

__all__ = ["Served", "served"]


@dataclass(frozen=True, slots=True)
class Served:
    """What the exporter serves.

    Attributes:
        openapi: Its OpenAPI document.
        health: Its answer to ``health``.
        rules: Its routes.
        metrics: The metrics it shows, by their documented name.
    """

    openapi: dict[str, Any]
    health: dict[str, Any]
    rules: Map
    metrics: dict[str, Metric]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """Run a sync, serve the exporter over HTTP and ask it."""
    with CanvasSyncMetricsTracker("documented", 42):
        pass
    shutdown()
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    start_counters(config)
    registry = CollectorRegistry()
    context = WebContext(config, engine, Access(None))
    further = {
        "judge": JudgeCollector(JudgeState),
        "messages": MessagesCollector({("slack", MessageState.SENT): 3}.copy),
        "checks": ChecksCollector(HealthChecks(context).results),
    }
    register_collectors(registry, config, further=further)
    app = create_app(context, registry)
    with serving(app) as url:
        openapi = requests.get(f"{url}/api/canvas/openapi.json", timeout=30).json()
        health = requests.get(f"{url}/api/canvas/metrics/health", timeout=30).json()
    engine.dispose()
    return Served(openapi, health, app.url_map, _by_documented_name(registry))


def _by_documented_name(registry: CollectorRegistry) -> dict[str, Metric]:
    families = (family for family in registry.collect() if not family.name.endswith("_created"))
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family
        for family in families
    }
