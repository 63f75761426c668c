"""What became of each sync, in the table and in the REST API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canvas_sync_core.names import ITEMS, Log
from support.evidence import Answer, Evidence
from support.main_job import ENDPOINTS
from support.parts import PARTS

MOVING = {"heartbeat", "since", "free_disk_bytes"}
"""Fields that differ from one moment to the next while a run goes on."""


def named(items: list[dict[str, Any]]) -> list[str]:
    return [item["sync_task_id"] for item in items]


def newest_first(evidence: Evidence, *statuses: str) -> list[str]:
    """Names of the runs, or of those that have one of ``statuses``."""
    rows = [row for row in evidence.rows.values() if not statuses or row["sync_status"] in statuses]
    ordered = sorted(rows, key=lambda row: (moment(row["sync_start_time"]), row["id"]))
    return named(ordered)[::-1]


def moment(value: str | datetime) -> datetime:
    """A time of the table or of the API."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def total(evidence: Evidence, column: str, *, user_id: int | None = None) -> int:
    return sum(row[column] for row in evidence.rows.values() if user_id in {None, row["user_id"]})


def still(body: Any) -> Any:
    """An answer without what moves, and without the last digits: sums depend on their order."""
    if isinstance(body, float):
        return float(f"{body:.12g}")
    if isinstance(body, dict):
        return {name: still(value) for name, value in body.items() if name not in MOVING}
    return [still(value) for value in body] if isinstance(body, list) else body


def test_every_sync_ends_as_planned(evidence: Evidence) -> None:
    statuses = {name: row["sync_status"] for name, row in evidence.rows.items()}
    assert statuses == {name: part.status for name, part in PARTS.items()}
    assert evidence.exit_codes == {
        **{name: 0 for name in PARTS if name not in {"killed", "hanging"}},
        "expired": 1,
        "exporter": 0,
    }
    assert "Traceback" not in evidence.output


def test_each_row_says_who_where_and_when(evidence: Evidence) -> None:
    for name, row in evidence.rows.items():
        assert row["user_id"] == PARTS[name].user_id
        assert row["canvas_host"] == evidence.canvas_host
        assert row["pid"] > 1
        assert len(row["trace_id"]) == 32
        assert moment(row["sync_start_time"]) <= moment(row["heartbeat"])
        assert row["api_seconds"] > 0
    pids = {row["pid"] for row in evidence.rows.values()}
    traces = {row["trace_id"] for row in evidence.rows.values()}
    assert len(pids) == len(traces) == len(PARTS)


def test_errors_are_reported_in_the_row(evidence: Evidence) -> None:
    errors = {
        name: (row["error_type"], row["error_message"])
        for name, row in evidence.rows.items()
        if row["error_type"]
    }
    killed = evidence.rows["killed"]
    assert errors == {
        "refused": ("Partial", "No access to courses 107, 108"),
        "expired": ("InvalidAccessToken", "Expired access token."),
        "killed": (
            "Interrupted",
            f"Process {killed['pid']} on {killed['host']} ended without ending the run.",
        ),
    }


def test_a_killed_run_ends_with_its_last_heartbeat(evidence: Evidence) -> None:
    killed, hanging = evidence.rows["killed"], evidence.rows["hanging"]
    assert killed["sync_end_time"] == killed["heartbeat"]
    assert killed["duration"] > 0
    assert hanging["sync_end_time"] is None
    assert moment(hanging["heartbeat"]) > moment(killed["heartbeat"])


def test_the_rows_count_every_request_that_canvas_answered(evidence: Evidence) -> None:
    outside_runs = 2  # of the telling syncs, each of which asks who it is before it starts
    counted = sum(evidence.requests.values())
    assert total(evidence, "api_calls") + outside_runs == counted
    throttled = sum(n for (*_, status), n in evidence.requests.items() if status == 429)
    assert total(evidence, "api_throttled") == throttled > 0
    failed = sum(n for (*_, s), n in evidence.requests.items() if s is None or s >= 400)
    assert total(evidence, "api_failed") == failed
    assert total(evidence, "api_retried") == throttled + 2  # a 502 and a dropped connection


class TestTheApi:
    """Of the exporter and, mounted, of a user's own app."""

    @pytest.fixture(params=["exporter", "mounted"])
    def api(self, request: pytest.FixtureRequest, evidence: Evidence) -> dict[str, Any]:
        answers: dict[str, Answer] = getattr(evidence, request.param)
        assert answers.keys() == ENDPOINTS.keys()
        for endpoint, answer in answers.items():
            assert (answer.status, answer.content_type) == (200, "application/json"), endpoint
        return {endpoint: answer.body for endpoint, answer in answers.items()}

    def test_one_run_is_given_whole(self, api: dict[str, Any], evidence: Evidence) -> None:
        row = evidence.rows["killed"]
        run = api["GET sync/<id>"]
        assert api["GET sync/task/<task_id>"] == run
        plain = {name: value for name, value in run.items() if name in row}
        times = {"sync_start_time", "sync_end_time", "heartbeat"}
        assert {name: plain[name] for name in plain.keys() - times - {"sync_metadata"}} == {
            name: row[name] for name in plain.keys() - times - {"sync_metadata"}
        }
        assert {name: moment(plain[name]) for name in times} == {
            name: moment(row[name]) for name in times
        }
        columns = {f"{item}s_{action}" for item in ITEMS for action in ("processed", "created")}
        assert {
            f"{item}_{action}": counts[action]
            for item, counts in run["items"].items()
            for action in ("processed", "created")
        } == {column: row[column] for column in columns}
        assert run.keys() - plain.keys() == {"items"}

    def test_lists_are_newest_first_and_continue_by_cursor(
        self, api: dict[str, Any], evidence: Evidence
    ) -> None:
        recent = api["GET recent"]
        assert named(recent["items"]) == newest_first(evidence)[:5]
        assert recent["next"]
        assert named(api["GET user/<user_id>/syncs"]["items"]) == ["telling", "earlier"]
        assert api["GET user/<user_id>/syncs"]["next"] is None

    def test_failed_runs_are_listed_with_their_errors(
        self, api: dict[str, Any], evidence: Evidence
    ) -> None:
        failed = api["GET failed"]["items"]
        assert named(failed) == newest_first(evidence, "failed", "partial", "interrupted")
        assert {item["sync_task_id"]: item["error_type"] for item in failed} == {
            "refused": "Partial",
            "expired": "InvalidAccessToken",
            "killed": "Interrupted",
        }

    def test_summaries_add_the_rows_up(self, api: dict[str, Any], evidence: Evidence) -> None:
        everything = api["GET summary"]
        assert everything["runs"]["by_status"] == {
            "cancelled": 0,
            **{
                status: sum(part.status == status for part in PARTS.values())
                for status in ("failed", "interrupted", "partial", "running", "success")
            },
        }
        assert everything["runs"]["success_rate"] == 5 / 8
        assert everything["by_sync_type"]["telling"]["total"] == 2
        one_user = api["GET user/<user_id>/summary"]
        assert (one_user["user_id"], one_user["last_run"]["sync_task_id"]) == (48, "telling")
        for totals, user_id in ((everything["totals"], None), (one_user["totals"], 48)):
            for column in ("api_calls", "api_failed", "api_throttled", "db_operations"):
                assert totals[column] == total(evidence, column, user_id=user_id)
            for item, counts in totals["items"].items():
                created = total(evidence, f"{item}_created", user_id=user_id)
                assert counts["created"] == created

    def test_performance_is_of_the_ended_runs(
        self, api: dict[str, Any], evidence: Evidence
    ) -> None:
        durations = [row["duration"] for row in evidence.rows.values() if row["duration"]]
        performance = api["GET performance"]
        assert performance["duration"]["count"] == len(durations) == len(PARTS) - 1
        assert performance["duration"]["max"] == max(durations)
        average = sum(durations) / len(durations)
        assert performance["duration"]["average"] == pytest.approx(average)
        assert sum(day["duration"]["count"] for day in performance["trend"]) == len(durations)
        for measure in ("api_latency", "db_time"):
            found = performance[measure]
            assert 0 < found["p50"] <= found["p95"] <= found["p99"] <= found["max"]

    def test_the_cleanup_reports_each_log(self, api: dict[str, Any], evidence: Evidence) -> None:
        report, status = api["POST logs/cleanup"], api["GET logs/cleanup-status"]
        assert report["errors"] == []
        assert status["last_cleanup"] == report
        lines = {log.value: len(records) for log, records in evidence.logs.items()}
        lines["operations"] -= len(_cleanups_after(evidence, report))
        assert {entry["log"]: entry["lines"] for entry in status["logs"]} == lines
        assert [entry["archives"] for entry in status["logs"]] == [1] * len(evidence.logs)

    def test_health_gives_each_check_its_reason(self, api: dict[str, Any]) -> None:
        health = api["GET health"]
        assert health["status"] == "ok"
        assert all(check["reason"] for check in health["checks"].values())


def _cleanups_after(evidence: Evidence, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Each cleanup leaves a line of its own, the last one too."""
    records = evidence.records(Log.OPERATIONS, "logs_cleaned")
    assert len(records) == 2
    freed = [record["reclaimed_bytes"] for record in records]
    return records[freed.index(report["reclaimed_bytes"]) + 1 :]


def test_a_users_app_with_the_api_mounted_answers_as_the_exporter_does(evidence: Evidence) -> None:
    """But for the cleanup, which finds nothing to do a second time, and the jobs it has not."""
    for endpoint, answer in evidence.exporter.items():
        if "logs/" not in endpoint and endpoint != "GET health":
            assert still(evidence.mounted[endpoint].body) == still(answer.body), endpoint
    assert evidence.exporter["GET logs/cleanup-status"].body["next_cleanup"]
    assert evidence.mounted["GET logs/cleanup-status"].body["next_cleanup"] is None


def test_where_there_are_tokens_a_stranger_is_refused(evidence: Evidence) -> None:
    assert evidence.stranger in {None, 401}
