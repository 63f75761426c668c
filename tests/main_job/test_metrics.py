"""Every metric at ``/metrics``, against what Canvas itself, the table and the logs count."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from canvas_sync_core.names import (
    API_ERRORS,
    AUTH_FAILURE_REASONS,
    ITEM_ACTIONS,
    ITEMS,
    Log,
    RunStatus,
)
from canvas_sync_core.schema.metrics import METRICS, MetricName, MetricType
from support.evidence import Evidence, Scrape
from support.served_metrics import beside_the_schema

STATUSES = [status.value for status in RunStatus if status is not RunStatus.RUNNING]


@pytest.fixture(params=["text", "openmetrics"])
def scrape(request: pytest.FixtureRequest, evidence: Evidence) -> Scrape:
    """The scrape in both formats."""
    found: Scrape = getattr(evidence, request.param)
    return found


def seconds(value: str | datetime) -> float:
    """A time of the table."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC).timestamp()


def rows_of(evidence: Evidence, sync_type: str) -> list[dict[str, Any]]:
    return [row for row in evidence.rows.values() if row["sync_type"] == sync_type]


_ZERO = {
    MetricName.API_GUARD_WAIT,
    MetricName.API_GUARD_WAITS,
    MetricName.RUNS_SUSPECT,
    MetricName.TELEMETRY_DROPPED,
    MetricName.CLOCK_SKEW,
    MetricName.BROKEN_FILES,
    MetricName.FOLD_FAILURES,
    MetricName.STATE_RECOVERIES,
    MetricName.SENDS_INCIDENTS,
}
"""What does not happen in a round: a wait for a guard, a run with a history, a loss, a message."""
_ABSENT = {
    *(MetricName.API_QUOTA_UNTIL_EMPTY, MetricName.API_CREDENTIAL_EXPIRES),
    *(MetricName.NEXT_DUE, MetricName.INCIDENTS_OPEN, MetricName.INCIDENTS_ACKNOWLEDGED),
    MetricName.JUDGED,
    MetricName.MESSAGES,
}
"""Of buckets that run empty, of tokens whose expiry is known, of the judge, which is not asked in a
round, and of destinations of messages; they have tests of their own."""


@pytest.mark.parametrize("name", [name for name in MetricName if name not in _ABSENT])
def test_every_metric_has_its_type_its_labels_and_a_value(scrape: Scrape, name: MetricName) -> None:
    spec = METRICS[name]
    sample = f"{name}_count" if spec.type is MetricType.HISTOGRAM else name.value
    assert scrape.types[sample] == spec.type.value
    assert scrape.labels[sample] == set(spec.label_names)
    if name is not MetricName.SPOOL_BYTES:  # a heartbeat may wait for the database just now
        assert (scrape.total(sample) > 0) is (name not in _ZERO)


def test_every_metric_label_and_value_is_in_the_schema(evidence: Evidence) -> None:
    assert beside_the_schema(text_string_to_metric_families(evidence.text.text)) == []


def test_requests_are_those_that_canvas_counted(scrape: Scrape, evidence: Evidence) -> None:
    """By method, route and status, also of the killed process and of the one that still waits."""
    answered = {
        (method, route, "connection" if status is None else str(status)): float(count)
        for (method, route, status), count in evidence.requests.items()
    }
    counted = scrape.values(MetricName.API_REQUESTS, "method", "route", "status_code")
    assert {key: value for key, value in counted.items() if value} == answered
    timed = Counter[tuple[str, ...]]()
    for (method, route, _), count in answered.items():
        timed[method, route] += count  # type: ignore[assignment]  # whole numbers, as Prometheus has them
    histogram = f"{MetricName.API_REQUEST_DURATION}_count"
    assert scrape.values(histogram, "method", "route") == timed


def test_throttling_retries_pages_and_cut_lists_are_counted(
    scrape: Scrape, evidence: Evidence
) -> None:
    throttled = {
        (route,): float(count)
        for (_, route, status), count in evidence.requests.items()
        if status == 429
    }
    found = scrape.values(MetricName.API_THROTTLED, "route")
    assert {key: value for key, value in found.items() if value} == throttled
    retried = sum(row["api_retried"] for row in evidence.rows.values())
    assert scrape.total(MetricName.API_RETRIES) == retried
    assert scrape.total(MetricName.API_BACKOFF) >= 0.5 * retried
    submissions = "/api/v1/courses/:course_id/students/submissions"
    assert scrape.total(MetricName.API_TRUNCATED_LISTS, route=submissions) == 2
    assert scrape.total(MetricName.API_TRUNCATED_LISTS) == 2
    pages = sum(
        count
        for (_, route, status), count in evidence.requests.items()
        if status == 200 and route != "/api/v1/users/:id"
    )
    assert scrape.total(MetricName.API_PAGES) == pages


def test_refusals_are_counted_by_cause(scrape: Scrape) -> None:
    found = scrape.values(MetricName.API_AUTH_FAILURES, "reason")
    assert found == {
        (reason,): float(reason in {"expired_token", "forbidden"})
        for reason in AUTH_FAILURE_REASONS
    }


def test_quota_and_cost_are_those_that_canvas_reported(scrape: Scrape, evidence: Evidence) -> None:
    records = evidence.records(Log.API_CALLS, "api_call")
    logged = sum(record.get("cost", 0) for record in records)
    unlogged = 0.5  # of the earlier sync, whose text lines do not tell it
    assert logged <= scrape.total(MetricName.API_REQUEST_COST) <= logged + unlogged
    hanging = [record for record in records if record["task_id"] == "hanging"]
    lowest = hanging[-1]["rate_limit_remaining"]
    assert scrape.total(MetricName.API_RATE_LIMIT_REMAINING) == lowest


def test_runs_are_those_of_the_table(scrape: Scrape, evidence: Evidence) -> None:
    ended = Counter(
        (row["sync_type"], row["sync_status"])
        for row in evidence.rows.values()
        if row["sync_status"] != "running"
    )
    for sync_type in ("full", "telling"):
        for status in STATUSES:
            labels = {"sync_type": sync_type, "status": status}
            assert scrape.total(MetricName.RUNS, **labels) == ended[sync_type, status]
            durations = sum(
                row["duration"]
                for row in rows_of(evidence, sync_type)
                if row["sync_status"] == status
            )
            count = scrape.total(f"{MetricName.RUN_DURATION}_count", **labels)
            assert count == ended[sync_type, status]
            summed = scrape.total(f"{MetricName.RUN_DURATION}_sum", **labels)
            assert summed == pytest.approx(durations)


def test_only_the_run_that_still_runs_is_in_progress(scrape: Scrape, evidence: Evidence) -> None:
    assert scrape.values(MetricName.RUNS_IN_PROGRESS, "sync_type") == {("full",): 1.0}
    oldest = scrape.values(MetricName.RUN_OLDEST_START, "sync_type")
    start = seconds(evidence.rows["hanging"]["sync_start_time"])
    assert oldest == {("full",): pytest.approx(start, abs=1e-5)}


def test_the_newest_end_and_success_are_reported(scrape: Scrape, evidence: Evidence) -> None:
    for sync_type in ("full", "telling"):
        rows = [
            row
            for row in evidence.rows.values()
            if row["sync_type"] == sync_type and row["sync_end_time"] is not None
        ]
        ends = {seconds(row["sync_end_time"]): row["sync_status"] for row in rows}
        successes = [end for end, status in ends.items() if status == "success"]
        for name, newest in (
            (MetricName.LAST_RUN, max(ends)),
            (MetricName.LAST_SUCCESS, max(successes)),
        ):
            shown = scrape.total(name, sync_type=sync_type)
            assert shown == pytest.approx(newest, abs=1e-5)


def test_items_are_those_of_the_rows(scrape: Scrape, evidence: Evidence) -> None:
    """Of runs that came to their end: the others' are told by their rows alone."""
    ended = [
        row
        for row in evidence.rows.values()
        if row["sync_status"] not in {"running", "interrupted"}
    ]
    for item in ITEMS:
        for action in ("created", "updated", "failed"):
            expected = sum(row[f"{item}s_{action}"] for row in ended)
            assert scrape.total(MetricName.ITEMS, item=item, action=action) == expected
        processed = sum(row[f"{item}s_processed"] for row in ended)
        assert scrape.total(MetricName.ITEMS, item=item) == processed


def test_database_operations_are_those_of_the_log(scrape: Scrape, evidence: Evidence) -> None:
    archived = evidence.archived[Log.DATABASE]
    logged = len(evidence.logs[Log.DATABASE]) + len(archived)
    assert scrape.total(MetricName.DB_OPERATIONS) == logged
    assert scrape.total(f"{MetricName.DB_OPERATION_DURATION}_count") == logged
    failed = scrape.values(MetricName.DB_OPERATIONS, "operation", "table", "outcome")
    assert {key: value for key, value in failed.items() if key[2] == "failed" and value} == {
        ("INSERT", "courses", "failed"): 2.0
    }
    in_runs = sum(row["db_operations"] for row in evidence.rows.values())
    assert scrape.total(MetricName.DB_OPERATIONS) >= in_runs


def test_errors_are_those_of_the_log(scrape: Scrape, evidence: Evidence) -> None:
    logged = Counter(
        (record["operation"], record["error_type"]) for record in evidence.logs[Log.ERRORS]
    )
    telling = [record for record in evidence.logs[Log.ERRORS] if record["task_id"] == "telling"]
    logged.update((record["operation"], record["error_type"]) for record in telling)  # the earlier
    counted = scrape.values(MetricName.ERRORS, "operation", "error_type")
    assert counted == dict.fromkeys((("api", kind) for kind in API_ERRORS), 0) | logged
    assert logged["api", "expired_token"] == logged["run", "InvalidAccessToken"] == 1
    assert logged["mail", "RuntimeError"] == logged["import", "IntegrityError"] == 2


def test_log_records_are_the_lines_of_the_logs(scrape: Scrape, evidence: Evidence) -> None:
    """No line was lost, doubled or left uncounted."""
    for log in Log:
        lines = len(evidence.logs[log]) + len(evidence.archived[log])
        assert scrape.total(MetricName.LOG_RECORDS, log=log.value) == lines
    levels = Counter(record["level"] for record in evidence.logs[Log.API_CALLS])
    levels["WARNING"] += sum("TRUNCATED" in line for line in evidence.archived[Log.API_CALLS])
    for level in ("WARNING", "ERROR"):
        labels = {"log": "api_calls", "level": level}
        assert scrape.total(MetricName.LOG_RECORDS, **labels) == levels[level] > 0


def test_nothing_was_lost_and_every_known_loss_is_there_as_zero(scrape: Scrape) -> None:
    losses = scrape.values(MetricName.TELEMETRY_DROPPED, "sink", "reason")
    assert set(losses.values()) == {0.0}
    assert {sink for sink, _ in losses} == {"hooks", "log", "metrics", "spans", "store", "tracker"}


def test_what_alerts_read_is_there_before_the_first_failure(
    scrape: Scrape, evidence: Evidence
) -> None:
    """As 0: ``increase()`` does not see a series come into being."""
    requests = scrape.values(MetricName.API_REQUESTS, "method", "route", "status_code")
    for method, route, _ in evidence.requests:
        assert all((method, route, code) in requests for code in ("401", "429", "500", "timeout"))
    runs = scrape.values(MetricName.RUNS, "sync_type", "status")
    assert set(runs) == {(kind, status) for kind in ("full", "telling") for status in STATUSES}
    items = scrape.values(MetricName.ITEMS, "item", "action")
    assert set(items) == {(item, action) for item in ITEMS for action in ITEM_ACTIONS}
    cleanups = scrape.values(MetricName.CLEANUP_RUNS, "status")
    assert cleanups == {("success",): 2.0, ("failed",): 0.0}


def test_files_on_disk_are_reported(scrape: Scrape, evidence: Evidence) -> None:
    status = evidence.mounted["GET logs/cleanup-status"].body["logs"]  # after the last cleanup
    for entry in status:
        labels = {"log": entry["log"]}
        assert scrape.total(MetricName.LOG_BYTES, **labels) == entry["bytes"]
        assert scrape.total(MetricName.ARCHIVES, **labels) == entry["archives"] == 1
        assert scrape.total(MetricName.ARCHIVE_BYTES, **labels) == entry["archive_bytes"]


def test_histograms_lead_to_the_traces(evidence: Evidence) -> None:
    trace_ids = {row["trace_id"] for row in evidence.rows.values()}
    for name, spec in METRICS.items():
        if spec.type is MetricType.HISTOGRAM and name is not MetricName.HTTP_REQUEST_DURATION:
            found = {
                sample.exemplar.labels["trace_id"]
                for sample in evidence.openmetrics.samples
                if sample.name == f"{name}_bucket" and sample.exemplar
            }
            assert found, name
            assert found <= trace_ids


def test_the_exporter_reports_itself(scrape: Scrape) -> None:
    collectors = scrape.values("canvas_sync_exporter_collector_success", "collector")
    assert set(collectors.values()) == {1.0}
    answered = scrape.values("canvas_sync_exporter_http_requests_total", "endpoint", "status")
    assert answered["/api/canvas/metrics/summary", "200"] == 1


def test_promtool_finds_nothing_to_criticise(evidence: Evidence) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert os.environ.get("CI", "").lower() != "true", "promtool is not on PATH"
        pytest.skip("promtool is not on PATH")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=evidence.text.text,
        text=True,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
