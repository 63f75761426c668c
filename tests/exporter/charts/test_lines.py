"""Charts of durations over time."""

from __future__ import annotations

import re

from canvas_sync_exporter.charts.data import Series, Trend
from canvas_sync_exporter.charts.lines import lines_chart


def test_a_line_is_interrupted_where_there_is_no_duration() -> None:
    days = [f"2025-11-{day}" for day in range(10, 15)]
    series = [Series("average", [0.1, 0.2, None, 0.3, 0.4])]
    chart = lines_chart(Trend("by day", days, days), series, "calls")
    lines = re.findall(r'<polyline points="([^"]+)" vector-effect="non-scaling-stroke"/>', chart)
    assert [len(line.split()) for line in lines] == [2, 2]
    assert chart.count("<circle") == 4
    assert "at most 400.0 ms" in chart
    assert "style=" not in chart
