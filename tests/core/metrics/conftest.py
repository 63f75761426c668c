"""A sink of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.metrics.sink import MetricsSink


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MetricsSink]:
    """A sink whose files are in ``tmp_path``."""
    made = MetricsSink(tmp_path)
    yield made
    made.close(0.0)
