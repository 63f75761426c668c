"""Charts of counts over time."""

from __future__ import annotations

import re

import pytest

from canvas_sync_exporter.charts.columns import columns_chart
from canvas_sync_exporter.charts.data import Bar, Trend


def _chart(sizes: dict[str, float]) -> str:
    hints = [f"day {day}, calls {size}" for day, size in sizes.items()]
    bars = [Bar(size, size / 2) for size in sizes.values()]
    return columns_chart(Trend("by day", list(sizes), hints), bars, "calls")


def test_columns_are_as_high_as_their_values_and_failures_are_at_their_foot() -> None:
    chart = _chart({"2025-11-28": 100, "2025-11-29": 50})
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


def test_a_few_days_do_not_get_wide_columns_and_a_missing_day_is_a_gap() -> None:
    chart = _chart({"2025-11-28": 1, "2025-11-30": 1})
    assert '<svg class="plot" width="216"' in chart
    assert re.findall(r'class="good" x="([\d.]+)%"', chart) == ["4.667", "71.333"]


def test_a_chart_works_under_a_policy_that_forbids_inline_styles() -> None:
    assert "style=" not in _chart({"2025-11-28": 1, "2025-11-30": 1})


def test_the_sentence_in_place_of_the_picture_says_when_there_was_most() -> None:
    label = "Columns: calls by day, 2025-11-28 to 2025-11-30. The most, 3, on 2025-11-30."
    assert f'role="img" aria-label="{label}"' in _chart({"2025-11-28": 1, "2025-11-30": 3})
