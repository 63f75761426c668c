"""``exact=true`` and the rollups answer the same over HTTP, across a change of clocks."""

from __future__ import annotations

import datetime as dt
import random
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.store.database import downgrade, upgrade
from canvas_sync_core.store.rollups.writing import Waiting, waiting
from canvas_sync_exporter.jobs.roll_up import RollUp
from support.runs import failed, snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter

BERLIN = ZoneInfo("Europe/Berlin")
DAY = dt.timedelta(days=1)
FIFTEEN_MINUTES = dt.timedelta(minutes=15)


def _change_of_clocks() -> dt.date:
    """The last Sunday of October, the newest that is some days ago."""
    now = dt.datetime.now(dt.UTC)
    for year in (now.year, now.year - 1):
        end = dt.date(year, 10, 31)
        sunday = end - dt.timedelta(days=end.isoweekday() % 7)
        if sunday < now.date() - 3 * DAY:
            return sunday
    raise AssertionError("It is over a year ago.")


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), BERLIN).astimezone(dt.UTC)


@pytest.fixture(scope="module")
def sunday(shared_exporter: Exporter) -> dt.date:
    """The day on which clocks changed, with runs that began in each of its quarters.

    So has the day before, and the one after. All runs are rolled up.
    """
    sunday = _change_of_clocks()
    start, end = _midnight(sunday - DAY), _midnight(sunday + 2 * DAY)
    chance = random.Random(7)
    runs = []
    while start < end:
        seconds = chance.lognormvariate(3, 1)
        make = failed if chance.random() < 0.1 else snapshot
        runs.append(
            make(
                f"began {start}",
                start_time=start.timestamp(),
                duration=seconds,
                sync_type=chance.choice(["full", "grades"]),
                api_calls=chance.randrange(1, 50),
                api_seconds=seconds * chance.random(),
                db_seconds=seconds * chance.random(),
            )
        )
        start += FIFTEEN_MINUTES
    write(shared_exporter.engine, *runs)
    roll_up = RollUp(shared_exporter.engine)
    while roll_up.advance():
        pass
    assert waiting(shared_exporter.engine) == Waiting(0, 0)
    return sunday


def _both_answers(exporter: Exporter, path: str, sunday: dt.date) -> list[dict[str, Any]]:
    """The rolled-up one and the exact one, without the moment since which they count."""
    days = (dt.datetime.now(dt.UTC).date() - sunday).days + 3
    found = []
    for exact in ("false", "true"):
        answer = exporter.api(f"{path}days={days}&exact={exact}")
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        assert found[-1].pop("since")  # a quarter of an hour may end between the two
    return found


def _assert_alike(found: dict[str, Any], exact: dict[str, Any]) -> None:
    assert set(found) == set(exact)
    assert (found["count"], found["max"]) == (exact["count"], exact["max"])
    assert found["average"] == pytest.approx(exact["average"])
    for name in ("p50", "p95", "p99"):
        assert found[name] == pytest.approx(exact[name], rel=0.01), name


def test_a_summary_is_that_of_the_rows(shared_exporter: Exporter, sunday: dt.date) -> None:
    found, exact = _both_answers(shared_exporter, "summary?", sunday)
    _assert_alike(found.pop("duration"), exact.pop("duration"))
    assert found == exact
    assert exact["runs"]["total"] == 2 * 96 + 100 + 5


def test_performance_is_that_of_the_rows_on_each_day_of_a_time_zone(
    shared_exporter: Exporter, sunday: dt.date
) -> None:
    found, exact = _both_answers(shared_exporter, "performance?tz=Europe/Berlin&", sunday)
    trends = found.pop("trend"), exact.pop("trend")
    assert [day["day"] for day in trends[0]] == [day["day"] for day in trends[1]]
    for one, other in zip((found, *trends[0]), (exact, *trends[1]), strict=True):
        for name in ("duration", "api_latency", "db_time"):
            _assert_alike(one[name], other[name])
    counts = {day["day"]: day["duration"]["count"] for day in trends[1]}
    around = [str(sunday + number * DAY) for number in (-1, 0, 1)]
    assert [counts[day] for day in around] == [96, 100, 96]


def test_while_many_runs_are_not_rolled_up_the_answer_says_at_once_how_much_is_left(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade: to read millions of rows for each answer would block everything."""
    now = dt.datetime.now(dt.UTC)
    starts = (now - number * DAY for number in range(10, 18))
    write(exporter.engine, *(snapshot(f"run {s}", start_time=s.timestamp()) for s in starts))
    downgrade(exporter.engine, "0002")
    upgrade(exporter.engine)
    rollups = "canvas_sync_core.store.rollups"
    monkeypatch.setattr(f"{rollups}.state._MOST_CHANGED", 0)
    monkeypatch.setattr(f"{rollups}.reading._MOST_ROWS", 6)
    for path in ("summary", "performance"):
        answer = exporter.api(f"{path}?days=30")
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        detail = answer.json()["detail"]
        assert detail.startswith("Many runs of this period are not in the rollups yet")
        assert re.search(" [1-9][0-9]* 15-minute buckets are left", detail)
        assert exporter.api(f"{path}?days=2").status_code == 200, "few rows are read"
        assert exporter.api(f"{path}?days=30&exact=true").status_code == 200
    assert exporter.api("freshness?days=30").status_code == 200
