"""A row of bars, one for each run."""

from __future__ import annotations

import re

import pytest

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.charts.run_bars import BAR_SHAPES, RunBar, run_bars


def _heights(chart: str) -> list[int]:
    return [int(each) for each in re.findall(r"44v-(\d+)h8", chart)]


def test_bars_are_as_high_as_their_runs_were_long_and_the_shortest_is_visible() -> None:
    runs = [RunBar("success", seconds, "u", "l") for seconds in (0.0, 50.0, 100.0)]
    assert _heights(run_bars(runs, "runs")) == [4, 16, 32]
    assert _heights(run_bars(runs[:1], "runs")) == [4]


@pytest.mark.parametrize("status", RunStatus)
def test_each_status_but_success_has_a_mark_and_a_class_of_its_own(status: RunStatus) -> None:
    chart = run_bars([RunBar(status.value, 1.0, "u", "l")], "runs")
    marks = re.findall(r'<path d="M2 (?!44)', chart)
    assert len(marks) == (0 if status is RunStatus.SUCCESS else 1)
    assert (f'class="{status.value}"' in chart) == (status is not RunStatus.SUCCESS)
    assert len(set(BAR_SHAPES.values())) == len(RunStatus) - 1


def test_texts_of_a_run_are_escaped_and_a_chart_without_runs_is_no_error() -> None:
    chart = run_bars([RunBar('odd"', 1.0, 'a&b"', "<b>")], "<i>")
    assert "<b>" not in chart
    assert "<i>" not in chart
    assert 'href="a&amp;b&#34;"' in chart
    assert "<a" not in run_bars([], "runs")
