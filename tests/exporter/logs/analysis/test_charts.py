"""Charts of a trend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from canvas_sync_exporter.logs.analysis.charts import columns_chart, lines_chart
from canvas_sync_exporter.logs.analysis.tables import Bar, Series, Table


def trend(sizes: Sequence[float], days: Sequence[str], **more: Any) -> Table:
    rows = [[day, str(size)] for day, size in zip(days, sizes, strict=True)]
    bars = [Bar(size, size / 2) for size in sizes]
    return Table(
        "API calls", "by day", ["day", "calls#"], rows, bars, "calls", kind="trend", **more
    )


def test_columns_are_as_high_as_their_values_and_failures_are_at_their_foot() -> None:
    chart = columns_chart(trend([100, 50], ["2025-11-28", "2025-11-29"]))
    good = re.findall(
        r'class="good" x="[\d.]+%" width="[\d.]+%" y="([\d.]+)" height="([\d.]+)"', chart
    )
    bad = re.findall(
        r'class="bad" x="[\d.]+%" width="[\d.]+%" y="([\d.]+)" height="([\d.]+)"', chart
    )
    heights = [float(height) for _, height in good]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert [float(height) for _, height in bad] == pytest.approx([each / 2 for each in heights])
    assert {float(y) + float(height) for y, height in good + bad} == {170.0}
    assert "<title>day 2025-11-28, calls 100</title>" in chart


def test_few_days_are_no_fat_columns_and_a_missing_day_is_a_gap() -> None:
    chart = columns_chart(trend([1, 1], ["2025-11-28", "2025-11-30"]))
    assert "max-width:280px" in chart
    assert re.findall(r'class="good" x="([\d.]+)%"', chart) == ["4.667", "71.333"]


def test_a_line_is_interrupted_where_there_is_no_duration() -> None:
    days = [f"2025-11-{day}" for day in range(10, 15)]
    series = [Series("average", [0.1, 0.2, None, 0.3, 0.4])]
    chart = lines_chart(trend([1] * 5, days, series=series))
    assert len(re.findall("<line x1", chart)) == 2
    assert chart.count("<circle") == 4
    assert "at most 400.0 ms" in chart
