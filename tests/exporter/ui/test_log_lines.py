"""Lines of the logs as the page shows them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import FoundLine, LinePosition, Place
from canvas_sync_exporter.ui.log_lines import ShownLine, shown_line
from canvas_sync_exporter.ui.period import read_period
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.ui.visitors import Visitor
from canvas_sync_exporter.web.auth import Scope

NOW = dt.datetime(2025, 12, 22, 10, 15, 30, 123456, tzinfo=dt.UTC)
VIEW = View(
    name="logs",
    title="Logs",
    root="./",
    path="logs",
    query={"level": "ERROR", "cursor": "abc"},
    values={},
    period=read_period("24h", "", NOW, dt.UTC),
    zone=dt.UTC,
    home_zone=dt.UTC,
    now=NOW,
    visitor=Visitor("ops", Scope.READ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3000),
    lambda values: st.lists(values, max_size=3),
    max_leaves=5,
)


def _shown(**fields: Any) -> ShownLine:
    return shown_line(
        VIEW, FoundLine(Log.ERRORS, NOW, Place("errors.log"), fields, 7, 9, b"12345678")
    )


@given(st.dictionaries(st.text(max_size=30) | st.just("message"), VALUES, max_size=8))
def test_a_line_is_cut_to_2000_printable_characters(fields: dict[str, Any]) -> None:
    line = _shown(**{name: value for name, value in fields.items() if name})
    texts = [line.message, *(part for pair in line.fields for part in pair)]
    assert sum(map(len, texts)) <= 2000
    assert not any(character in text for text in texts for character in "\n\x00\x1b\u202e\u2066")


def test_a_cut_line_has_a_link_to_the_whole_one() -> None:
    assert _shown(message="x" * 2000).whole_url == ""
    cut = _shown(message="x" * 1999, error="no")
    assert cut.whole_url == f"./logs/line?position={cut.position}"
    assert LinePosition.decode(cut.position).start == 7


def test_its_links_keep_the_filters_and_lead_to_its_run() -> None:
    line = _shown(message="m", task_id="a/b <c>")
    assert line.url == f"./logs?level=ERROR&position={line.position}"
    assert line.run_url == "./runs/task/a%2Fb%20%3Cc%3E"
    assert _shown(message="m", task_id=7).run_url == ""
    assert line.clock == "2025-12-22 10:15:30.123"
