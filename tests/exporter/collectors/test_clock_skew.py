"""The clock of the sync processes against Canvas's, from real metric files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from canvas_sync_core.events import ApiCall
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.clock_skew import ClockSkewCollector
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from support.metric_processes import samples

_ROUTE = "/api/v1/courses"


@contextmanager
def process(folder: Path, *skews: float | None) -> Iterator[None]:
    """A live process with an answer of each skew."""
    sink = MetricsSink(folder)
    for skew in skews:
        sink.handle(
            ApiCall(None, 1.8e9, 0.1, "GET", _ROUTE, _ROUTE, "canvas.test", 200, clock_skew=skew)
        )
    yield
    sink.close(0.0)


@pytest.mark.parametrize(
    ("skews", "expected"),
    [
        ([(0.0,)], 0.0),
        ([(5.0, 0.0)], 0.0),
        ([(0.0,), (-93_600.0,), (10.0,)], -93_600.0),
        ([(3.5, None), (-2.0,)], 3.5),
    ],
)
def test_the_live_process_farthest_from_zero_counts_with_its_newest_answer(
    tmp_path: Path, skews: list[tuple[float | None, ...]], expected: float
) -> None:
    with ExitStack() as processes:
        for each in skews:
            processes.enter_context(process(tmp_path, *each))
        assert samples(ClockSkewCollector(tmp_path)) == {MetricName.CLOCK_SKEW: expected}


def test_nothing_is_reported_without_an_answer_to_a_live_process(tmp_path: Path) -> None:
    assert samples(ClockSkewCollector(tmp_path / "missing")) == {}
    with process(tmp_path, 5.0):
        pass
    with process(tmp_path, None):
        assert samples(ClockSkewCollector(tmp_path)) == {}


def test_the_sums_over_all_processes_leave_the_clock_skew_out(tmp_path: Path) -> None:
    with process(tmp_path, 5.0):
        values = samples(SyncProcessCollector(tmp_path))
    assert not any(MetricName.CLOCK_SKEW in name for name in values)
