"""Bars with parts of a period."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from canvas_sync_exporter.charts.time_bar import TimePart, time_bar

SECONDS = st.floats(min_value=0, max_value=1e6)


def test_parts_are_placed_by_their_share_of_the_axis() -> None:
    bar = time_bar([TimePart("canvas", 2.5, 5.0), TimePart("queue", 2.5, 1.0)], 10.0)
    assert 'class="canvas" x="25.00%" width="50.00%"' in bar
    assert 'class="queue" x="25.00%" width="10.00%"' in bar


def test_a_very_short_part_stays_visible() -> None:
    assert 'width="0.40%"' in time_bar([TimePart("canvas", 0.0, 1e-9)], 10.0)


@example(start=-0.0, seconds=0.0, axis=0.0)
@given(start=st.floats(-1e6, 1e6), seconds=SECONDS, axis=SECONDS)
def test_every_part_is_placed_inside_the_bar(start: float, seconds: float, axis: float) -> None:
    bar = str(time_bar([TimePart("canvas", start, seconds)], axis))
    positions = [
        float(each) for each in re.findall(r' (?:x|width)="([\d.]+)%"', bar.partition("<rect")[2])
    ]
    assert len(positions) == 2
    assert all(0 <= place <= 100 for place in positions)
