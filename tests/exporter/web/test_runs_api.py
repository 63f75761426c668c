"""Runs by any filters, their facets, and the runs in progress, over HTTP."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.runs import failed, snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter

_DAY = dt.datetime(2025, 12, 22, tzinfo=dt.UTC).timestamp()


def _ids(exporter: Exporter, query: str) -> list[str]:
    answer = exporter.api(f"runs?{query}")
    assert answer.status_code == 200, answer.text
    return [run["sync_task_id"] for run in answer.json()["items"]]


def _errors(exporter: Exporter, path: str) -> dict[str, str]:
    answer = exporter.api(path)
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["detail"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=failed&status=running", ["under way", "broken"]),
        ("sync_type=grades", ["nightly/42"]),
        ("user_id=42&status=success", ["nightly/41"]),
        ("error_type=TimeoutError", ["broken"]),
        ("host=sync-2", []),
        ("suspect=true", []),
        ("min_duration=13", []),
        ("max_duration=1h&sync_type=grades", ["nightly/42"]),
        ("course_id=1", []),
        ("from=1h&user_id=7", ["nightly/42"]),
        ("to=1h", []),
    ],
)
def test_runs_are_listed_by_filters(
    shared_exporter: Exporter, query: str, names: list[str]
) -> None:
    assert _ids(shared_exporter, query) == names


def test_all_pages_together_have_every_run_once(exporter: Exporter) -> None:
    write(exporter.engine, *(failed(f"f{n}", host="sync-9") for n in range(11)))
    found: list[str] = []
    query = "host=sync-9&limit=4"
    while query:
        answer = exporter.api(f"runs?{query}")
        found += [run["sync_task_id"] for run in answer.json()["items"]]
        query = answer.links["next"]["url"].removeprefix("?") if "next" in answer.links else ""
        assert (answer.json()["next"] is None) == (not query)
    assert sorted(found) == sorted(f"f{n}" for n in range(11))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("from=2025-12-22&to=2025-12-23", ["noon", "one", "midnight"]),
        ("from=2025-12-22&to=2025-12-23&tz=Europe/Berlin", ["noon", "one", "midnight", "eve"]),
        ("from=2025-12-22T01:00&to=2025-12-22T12:00&tz=Europe/Berlin", ["one", "midnight"]),
        ("from=2025-12-22T01:00Z&to=2025-12-22T12:00:01Z&tz=Europe/Berlin", ["noon", "one"]),
        ("to=2025-12-22T00:30%2B01:00", ["eve"]),
    ],
)
def test_a_period_is_in_the_time_zone_that_was_named(
    exporter: Exporter, query: str, names: list[str]
) -> None:
    hours = {"eve": -1, "midnight": 0, "one": 1, "noon": 12}
    for name, hour in hours.items():
        write(exporter.engine, snapshot(name, start_time=_DAY + 3600 * hour, user_id=77))
    assert _ids(exporter, f"user_id=77&{query}") == names


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        (
            "status=odd",
            {"status": "use one of running, success, partial"},
        ),
        ("status=failed&status=odd", {"status": "use one of running"}),
        ("from=yesterday", {"from": "use a time such as 2025-12-22"}),
        ("from=2025-12-22T10:00:00 01:00", {"from": "in a URL the + of a zone is written %2B"}),
        ("from=1h&to=2h", {"to": "use a later time than that of from, 20"}),
        ("tz=Mars", {"tz": "use a time zone such as UTC or Europe/Berlin"}),
        ("min_duration=fast", {"min_duration": "write a duration such as 45m"}),
        ("min_duration=2m&max_duration=60", {"max_duration": "use at least min_duration"}),
        ("user_id=-1&course_id=x", {"user_id": "use a whole number", "course_id": "use a whole"}),
        ("host=", {"host": "use 1 to 300 characters"}),
        ("suspect=yes&suspect=no", {"suspect": "given more than once"}),
        ("cursor=nonsense", {"cursor": "This is not a cursor of this list"}),
        ("format=xml", {"format": "use one of json, csv, ndjson"}),
        ("days=3", {"days": "unknown parameter; known are course_id"}),
        ("&".join(["sync_type=a"] * 51), {"sync_type": "given more than 50 times"}),
    ],
)
def test_a_wrong_filter_is_named_with_what_to_write(
    shared_exporter: Exporter, query: str, wrong: dict[str, str]
) -> None:
    found = _errors(shared_exporter, f"runs?{query}")
    assert found.keys() == wrong.keys()
    assert all(detail in found[field] for field, detail in wrong.items()), found


def _values(facet: dict[str, Any]) -> dict[str, int]:
    assert facet["counted_to"] is None
    return {each["value"]: each["runs"] for each in facet["values"]}


def test_facets_count_what_each_value_would_give(shared_exporter: Exporter) -> None:
    facets = shared_exporter.api("runs/facets?status=success&user_id=42").json()
    assert (facets["runs"], facets["counted_to"]) == (1, None)
    assert _values(facets["status"]) == {"success": 1, "failed": 1, "running": 1}
    assert _values(facets["sync_type"]) == {"full": 1}
    assert _values(facets["error_type"]) == {}
    assert _errors(shared_exporter, "runs/facets?limit=3").keys() == {"limit"}


def test_an_unchanged_list_is_not_sent_again(exporter: Exporter) -> None:
    first = exporter.api("runs?status=success&from=24h")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert exporter.api("runs?status=success&from=24h", headers=tag).status_code == 304
    write(exporter.engine, snapshot("new"))
    assert exporter.api("runs?status=success&from=24h", headers=tag).status_code == 200


def test_runs_in_progress_have_a_heartbeat_age_and_an_expected_end(
    shared_exporter: Exporter,
) -> None:
    answer = shared_exporter.api("running").json()
    (run,) = answer["items"]
    assert (answer["total"], run["sync_task_id"], run["progress"]) == (1, "under way", 40.0)
    assert 5 <= run["heartbeat_age_seconds"] < 600
    assert run["seconds_left"] == pytest.approx(run["elapsed_seconds"] * 1.5)
    expected = dt.datetime.fromisoformat(run["expected_end"]).timestamp()
    assert expected == pytest.approx(time.time() + run["seconds_left"], abs=60)
