"""How many lines the logs have, as bars that are links."""

from __future__ import annotations

import re

from canvas_sync_exporter.charts.volume import VolumeBar, volume_chart


def _bar(*parts: tuple[str, int], name: str = "03:00") -> VolumeBar:
    return VolumeBar(name, f"{name}: some lines", "u?a=1&b=2", parts)


def _chart(*bars: VolumeBar, hatched: tuple[float, float] = (0.0, 0.0)) -> str:
    return volume_chart(bars, "Lines", hatched, (0, 60))


def test_parts_are_stacked_as_high_as_their_numbers_and_one_line_is_visible() -> None:
    chart = _chart(_bar(("bad", 25), ("good", 75)), _bar(("bad", 1), ("good", 0)))
    sizes = re.findall(
        r'class="(\w+)" x="[\d.]+%" y="([\d.]+)" width="41%" height="([\d.]+)"', chart
    )
    assert sizes == [("bad", "48", "16"), ("good", "0", "48"), ("bad", "63", "1")]


def test_a_bucket_without_lines_is_not_a_link() -> None:
    assert _chart(_bar(("good", 0)), _bar(("good", 3))).count("<a ") == 1
    assert "<a " not in _chart(_bar())


def test_what_was_not_searched_is_hatched() -> None:
    assert 'x="25%" width="50%"' in _chart(_bar(("good", 1)), hatched=(0.25, 0.75))
    assert "hatch" not in _chart(_bar(("good", 1)))


def test_texts_are_escaped() -> None:
    chart = _chart(_bar(("good", 1), name="<b>"))
    assert "<b>" not in chart
    assert 'href="u?a=1&amp;b=2"' in chart
