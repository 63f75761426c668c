"""The chart of how far durations are apart."""

from __future__ import annotations

import re

from canvas_sync_exporter.charts.data import Series
from canvas_sync_exporter.charts.ranges import ranges_chart


def test_routes_are_drawn_from_fast_to_slow_on_one_axis() -> None:
    series = [Series("p50", [0.01, 0.1, None]), Series("p99", [0.1, 1.0, None])]
    chart = ranges_chart(["/a", "/b", "/none"], series, "by route", "calls")
    found = [float(x) for x in re.findall('cx="([0-9.]+)%"', chart)]
    assert found == [6.0, 50.0, 50.0, 94.0]
    assert [label in chart for label in (">10 ms<", ">100 ms<", ">1 s<")] == [True] * 3
