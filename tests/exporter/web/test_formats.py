"""Lists as JSON, CSV or NDJSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.store.model import metrics_table
from support.runs import snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_the_columns_of_the_table_and_the_rows_of_the_json(
    shared_exporter: Exporter,
) -> None:
    answer = shared_exporter.api("runs?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="runs.csv"'
    rows = _rows(answer.text)
    assert set(rows[0]) == set(metrics_table.columns.keys())
    runs = shared_exporter.api("runs").json()["items"]
    assert [row["sync_task_id"] for row in rows] == [run["sync_task_id"] for run in runs]
    row, run = rows[-1], runs[-1]
    assert row["sync_start_time"] == run["sync_start_time"]
    assert (row["courses_processed"], row["courses_failed"]) == ("3", "0")
    assert (row["duration"], row["course_id"]) == ("12.5", "")
    assert json.loads(row["sync_metadata"]) == run["sync_metadata"]


def test_every_list_is_available_in_every_format(shared_exporter: Exporter) -> None:
    described = shared_exporter.get("/api/canvas/openapi.json").json()
    lists = [
        path.replace("{user_id}", "42").replace("{run_id}", "1")
        for path, methods in described["paths"].items()
        if any(
            each.get("name") == "format" for each in methods.get("get", {}).get("parameters", ())
        )
    ]
    assert {"/api/canvas/metrics/recent", "/api/canvas/metrics/runs"} <= set(lists)
    for path in lists:
        for name in ("csv", "ndjson", "json"):
            assert (path, name, shared_exporter.get(f"{path}?format={name}").status_code) == (
                path,
                name,
                200,
            )


def test_csv_without_rows_still_has_its_header(shared_exporter: Exporter) -> None:
    text = shared_exporter.api("runs?host=nowhere&format=csv").text
    assert text.startswith("id,sync_task_id,")
    assert _rows(text) == []


@pytest.mark.parametrize("message", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_text_in_csv_is_a_formula(exporter: Exporter, message: str) -> None:
    write(exporter.engine, snapshot("odd", error=ErrorInfo("E", message), clock_skew=-0.5))
    (row,) = _rows(exporter.api("runs?error_type=E&format=csv").text)
    assert row["error_message"] == f"'{message}"
    assert row["clock_skew"] == "-0.5"


def test_csv_quotes_what_would_break_a_row(exporter: Exporter) -> None:
    message = 'a "b", c\r\nd\x00\N{SNOWMAN}'
    write(exporter.engine, snapshot("odd", error=ErrorInfo("E", message)))
    run = exporter.api("runs?error_type=E").json()["items"][0]
    (row,) = _rows(exporter.api("runs?error_type=E&format=csv").content.decode())
    assert row["error_message"] == run["error_message"]


def test_ndjson_has_one_run_a_line(shared_exporter: Exporter) -> None:
    answer = shared_exporter.api("runs?format=ndjson&limit=2")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    page = shared_exporter.api("runs?limit=2").json()
    assert [json.loads(line) for line in answer.text.splitlines()] == page["items"]
    following = shared_exporter.api(f"runs{answer.links['next']['url']}")
    assert [json.loads(line) for line in following.text.splitlines()] != page["items"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/csv", "text/csv"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("", "application/json"),
    ],
)
def test_the_format_is_negotiated(
    shared_exporter: Exporter, accept: str, content_type: str
) -> None:
    answer = shared_exporter.api("runs", headers={"Accept": accept})
    assert answer.headers["Content-Type"].partition(";")[0] == content_type
    assert "Accept" in answer.headers["Vary"].split(", ")
    assert (
        shared_exporter.api("runs?format=ndjson", headers={"Accept": accept}).text.count("\n") == 5
    )


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_each_format_has_its_own_tag(shared_exporter: Exporter, form: str) -> None:
    first = shared_exporter.api(f"runs?format={form}")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert shared_exporter.api(f"runs?format={form}", headers=tag).status_code == 304
    others = {
        shared_exporter.api(f"runs?format={each}").headers["ETag"] for each in ("json", "csv")
    }
    assert len(others | {first.headers["ETag"]}) == (2 if form != "ndjson" else 3)
