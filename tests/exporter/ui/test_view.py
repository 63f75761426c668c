"""Links and times of a page."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.ui.period import read_period
from canvas_sync_exporter.ui.view import View, length
from canvas_sync_exporter.ui.visitors import Visitor
from canvas_sync_exporter.web.auth import Scope
from canvas_sync_exporter.web.problems import ProblemError

NOW = dt.datetime(2025, 12, 22, 10, 15, 30, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def _view(query: dict[str, Any] | None = None, **changes: Any) -> View:
    zone = changes.get("zone", dt.UTC)
    query = query or {}
    defaults: dict[str, Any] = {
        "name": "runs",
        "title": "Runs",
        "root": "./",
        "path": "runs",
        "query": query,
        "values": {},
        "period": read_period(query.get("from", "7d"), query.get("to", ""), NOW, zone),
        "zone": zone,
        "home_zone": dt.UTC,
        "now": NOW,
        "visitor": Visitor("ops", Scope.READ),
    }
    return View(**{**defaults, **changes})


def test_a_link_to_another_page_carries_range_and_zone_and_nothing_else() -> None:
    view = _view({"from": "24h", "tz": "Europe/Berlin", "status": "failed", "cursor": "abc"})
    assert view.url("incidents") == "./incidents?from=24h&tz=Europe%2FBerlin"
    assert view.url("runs", "run 1", status=["failed", "partial"], since=None) == (
        "./runs?tz=Europe%2FBerlin&status=failed&status=partial#run%201"
    )


def test_a_link_to_what_a_figure_counts_has_the_range_of_the_page_even_if_it_is_the_default() -> (
    None
):
    assert _view().within("logs", log="api_calls") == "./logs?from=7d&log=api_calls"
    exact = _view({"from": "2025-12-01", "to": "2025-12-02"})
    assert exact.within("logs") == "./logs?from=2025-12-01&to=2025-12-02"


def test_the_day_is_written_once_if_a_range_of_time_is_within_it() -> None:
    view = _view({}, zone=BERLIN)
    start = dt.datetime(2025, 12, 22, 22, 50, tzinfo=dt.UTC)

    def written(minutes: int) -> str:
        return view.span(start, start + dt.timedelta(minutes=minutes)).striptags()

    assert written(9) == "2025-12-22 23:50 \N{EN DASH} 23:59"
    assert written(15) == "2025-12-22 23:50 \N{EN DASH} 2025-12-23 00:05"


def test_a_time_in_a_link_is_exact() -> None:
    moment = NOW.replace(microsecond=250_000).astimezone(BERLIN)
    assert _view().url("logs", to=moment) == "./logs?to=2025-12-22T10%3A15%3A30.250000Z"


def test_a_link_to_the_same_page_keeps_everything_that_it_does_not_change() -> None:
    view = _view({"from": "24h", "status": ["failed", "partial"], "cursor": "abc"})
    assert view.here(cursor=None) == "./runs?from=24h&status=failed&status=partial"
    assert view.given == [("status", "failed"), ("status", "partial")]


def test_a_task_id_is_one_segment_of_a_path() -> None:
    assert _view().task_url("nightly/4 2?#") == "./runs/task/nightly%2F4%202%3F%23"


@given(st.dictionaries(st.sampled_from(["status", "text"]), st.text(min_size=1)))
def test_a_query_survives_a_link(query: dict[str, str]) -> None:
    found = parse_qs(urlsplit(_view().here(**query)).query, errors="surrogatepass")
    assert found == {name: [value] for name, value in query.items()}


def test_a_fixed_link_shows_the_same_range_later() -> None:
    view = _view({"from": "24h", "status": "failed"}, zone=BERLIN)
    given = parse_qs(urlsplit(view.fixed_url).query)
    assert given["status"] == ["failed"]
    assert given["tz"] == ["Europe/Berlin"]
    later = NOW + dt.timedelta(days=3)
    again = read_period(given["from"][0], given["to"][0], later, BERLIN)
    assert (again.since, again.until) == (view.period.since, view.period.until)
    assert not again.is_open


def test_times_are_in_the_zone_of_the_page_on_a_24_hour_clock() -> None:
    view = _view(zone=BERLIN)
    moment = dt.datetime(2025, 7, 1, 22, 5, 9, tzinfo=dt.UTC)
    assert view.time(moment) == (
        '<time datetime="2025-07-01T22:05:09Z" title="2025-07-02 00:05:09 Europe/Berlin">'
        "2025-07-02 00:05:09</time>"
    )
    assert ">2025-07-02 00:05<" in view.time(moment, seconds=False)
    assert view.time(None) == view.ago(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (-5, "0 s"),
    ],
)
def test_a_length_has_one_unit(seconds: int, text: str) -> None:
    assert length(dt.timedelta(seconds=seconds)) == text


def test_what_is_past_is_ago_and_what_is_to_come_is_in() -> None:
    view = _view()
    assert ">34 min ago<" in view.ago(NOW - dt.timedelta(minutes=34))
    assert ">in 2 h<" in view.ago(NOW + dt.timedelta(hours=2))


def test_a_range_that_ends_now_changes_once_a_minute() -> None:
    first = read_period("24h", "", NOW, dt.UTC)
    assert first == read_period("24h", "", NOW + dt.timedelta(seconds=29), dt.UTC)
    assert first.since <= NOW - dt.timedelta(hours=24)
    assert first.until > NOW
    assert (first.preset, first.is_open) == ("24h", True)


def test_dates_are_those_of_the_zone() -> None:
    period = read_period("2025-12-20", "2025-12-21 12:00", NOW, BERLIN)
    assert period.since == dt.datetime(2025, 12, 19, 23, tzinfo=dt.UTC)
    assert period.until == dt.datetime(2025, 12, 21, 11, tzinfo=dt.UTC)
    assert period.preset == ""


@pytest.mark.parametrize(
    ("since", "until", "field"), [("1h", "2h", "to"), ("never", "", "from"), ("1h", "x", "to")]
)
def test_a_wrong_range_names_its_field(since: str, until: str, field: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        read_period(since, until, NOW, dt.UTC)
    assert [each.field for each in refusal.value.problem.errors] == [field]
