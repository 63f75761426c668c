"""Losses and refusals."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import IncidentKind
from support.gathering import Scene


def test_losses_and_refusals_are_noticed_when_they_happen(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "metrics"
    folder.mkdir(parents=True)
    sink = MetricsSink(folder)
    sink.count_dropped("log", "disk_full", 5)
    scene = Scene(engine, tmp_path)

    assert scene.kinds() == []
    sink.count_dropped("log", "disk_full", 2)
    assert scene.kinds() == [IncidentKind.TELEMETRY_DROPPED]
    (drop,) = scene.gatherer.gather().dropped
    assert (drop.sink, drop.reason, drop.count, drop.since) == ("log", "disk_full", 2, scene.now)
    sink.close(1.0)
