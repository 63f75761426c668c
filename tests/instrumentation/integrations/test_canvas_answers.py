"""What a simulated Canvas says about itself reaches logs, row and metrics of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import canvasapi
import pytest
import requests
from canvasapi.exceptions import CanvasException
from urllib3.util import SKIP_HEADER

from canvas_sync_core.canvas.tokens import token_hash
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.runs import RunRow
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.canvas_server.faults import (
    Effect,
    Fault,
    FaultPlan,
    Forbidden,
    Missing,
    QuotaSpent,
    ScopeMissing,
    TokenRefused,
    When,
)
from canvas_sync_demo.canvas_server.service import Behaviour
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    first_items_only,
    instrument_canvasapi,
    instrument_requests,
    shutdown,
    uninstrument_canvasapi,
    uninstrument_requests,
)
from support.canvas import SMALL_SCHOOL, canvas_server

__all__ = ["canvas_server"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Canvas may respond unexpectedly when making requests to HTTP URLs:UserWarning"
)

USERS = "/api/v1/courses/:course_id/users"
SEARCH = "/api/v1/courses/:course_id/search_users"


@pytest.fixture(autouse=True)
def _hooks() -> Iterator[None]:
    instrument_requests()
    instrument_canvasapi()
    yield
    uninstrument_canvasapi()
    uninstrument_requests()


class Left:
    """What the run ``nightly`` left behind."""

    def __init__(self, folder: Path) -> None:
        shutdown()
        self._folder = folder / "logs"
        state = self._folder / "state"
        engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
        run = run_by_task(engine, "nightly")
        engine.dispose()
        assert run is not None
        self.run: RunRow = run
        self._metrics = SyncProcessCollector(state / "metrics")

    def log(self, name: str) -> list[dict[str, Any]]:
        """The records of a log."""
        lines = (self._folder / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def metric(self, name: MetricName, label: str) -> dict[str, float]:
        """The values of a counter that are not 0."""
        return {key: value for key, value in self._metrics.files.sums(name, label).items() if value}


def get(server: CanvasServer, path: str, user: int = 41) -> requests.Response:
    """Ask Canvas by plain requests."""
    headers = {"Authorization": f"Bearer {server.tokens[user]}"}
    return requests.get(f"{server.url}/api/v1/{path}", headers=headers, timeout=30)


def test_the_id_of_a_failed_request_is_at_hand_for_a_ticket(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    with CanvasSyncMetricsTracker("nightly", 41):
        answer = get(canvas_server, "courses/999999")
        assert get(canvas_server, "courses/101").ok
    left = Left(tmp_path)

    request_id = answer.headers["X-Request-Context-Id"]
    assert [record["request_context_id"] for record in left.log("errors")] == [request_id]
    assert left.log("api_calls")[0]["request_context_id"] == request_id
    assert left.run.request_context_id == request_id


def test_the_time_of_a_call_is_split(canvas_server: CanvasServer, tmp_path: Path) -> None:
    with CanvasSyncMetricsTracker("nightly", 41):
        get(canvas_server, "courses/101/users?per_page=100")
    left = Left(tmp_path)

    (record,) = left.log("api_calls")
    assert record["queue_seconds"] == 0.00012
    assert record["system_cpu_seconds"] == 0.01
    assert record["user_cpu_seconds"] > record["database_seconds"] > 0
    parts = left.metric(MetricName.API_TIME, "part")
    assert parts["queue"] == 0.00012
    assert parts["system_cpu"] == 0.01
    assert set(parts) <= {"queue", "user_cpu", "system_cpu", "database", "rest"}
    assert left.metric(MetricName.API_TIME, "route")[USERS] >= 0.01


def test_a_call_names_its_token_by_its_hash(canvas_server: CanvasServer, tmp_path: Path) -> None:
    token = canvas_server.tokens[41]
    with CanvasSyncMetricsTracker("nightly", 41):
        get(canvas_server, "courses")
        requests.get(f"{canvas_server.url}/api/v1/courses?access_token={token}", timeout=30)
        list(canvasapi.Canvas(canvas_server.url, token).get_courses())
    left = Left(tmp_path)

    assert {record["token"] for record in left.log("api_calls")} == {token_hash(token)}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and _has(path, token)]


def _has(path: Path, token: str) -> bool:
    return token.encode() in path.read_bytes()


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (TokenRefused("invalid"), "invalid_token"),
        (TokenRefused("expired"), "expired_token"),
        (TokenRefused("revoked"), "revoked_token"),
        (ScopeMissing(), "insufficient_scope"),
        (Forbidden(), "forbidden"),
    ],
)
def test_refusals_are_told_apart_by_their_cause(
    effect: Effect, reason: str, tmp_path: Path
) -> None:
    plan = FaultPlan({41: (Fault(effect),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        with CanvasSyncMetricsTracker("nightly", 41):
            get(server, "courses/101/users")
            with pytest.raises(CanvasException):
                canvasapi.Canvas(server.url, server.tokens[41]).get_course(101)
        left = Left(tmp_path)

    assert left.metric(MetricName.API_AUTH_FAILURES, "reason") == {reason: 2}
    assert [record["auth_failure"] for record in left.log("api_calls")] == [reason] * 2
    expired = {record.get("token_expired_at") for record in left.log("api_calls")}
    assert expired == {"2026-08-31T00:00:00.000000Z" if reason == "expired_token" else None}


def test_a_request_without_user_agent_is_told_apart(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {canvas_server.tokens[41]}", "User-Agent": SKIP_HEADER}
    with CanvasSyncMetricsTracker("nightly", 41):
        url = f"{canvas_server.url}/api/v1/courses"
        assert requests.get(url, headers=headers, timeout=30).status_code == 403
    left = Left(tmp_path)

    assert left.metric(MetricName.API_AUTH_FAILURES, "reason") == {"missing_user_agent": 1}


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_permission_is_forbidden_in_old_and_new_canvas(
    status: int, tmp_path: Path
) -> None:
    """Older versions answer 401, as for a bad token."""
    plan = FaultPlan({41: (Fault(Forbidden()),)})
    behaviour = Behaviour(forbidden_status=status)
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan, behaviour=behaviour) as server:
        with CanvasSyncMetricsTracker("nightly", 41):
            assert get(server, "courses/101/users").status_code == status
        left = Left(tmp_path)

    assert left.metric(MetricName.API_AUTH_FAILURES, "reason") == {"forbidden": 1}


@pytest.mark.parametrize("status", [403, 429])
def test_throttling_is_not_a_refusal_in_old_and_new_canvas(status: int, tmp_path: Path) -> None:
    plan = FaultPlan({41: (Fault(QuotaSpent(700.0), When(times=1)),)})
    behaviour = Behaviour(throttled_status=status)
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan, behaviour=behaviour) as server:
        with CanvasSyncMetricsTracker("nightly", 41):
            assert [get(server, "courses").status_code for _ in range(2)] == [200, status]
        left = Left(tmp_path)

    assert left.metric(MetricName.API_AUTH_FAILURES, "reason") == {}
    assert left.metric(MetricName.API_THROTTLED, "route") == {"/api/v1/courses": 1}
    assert left.run.api_throttled == 1


def test_a_missing_object_is_not_a_refusal(tmp_path: Path) -> None:
    plan = FaultPlan({41: (Fault(Missing()),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        with CanvasSyncMetricsTracker("nightly", 41):
            get(server, "courses/101/users")
        left = Left(tmp_path)

    assert left.metric(MetricName.API_AUTH_FAILURES, "reason") == {}
    assert left.run.api_failed == 1


def test_a_list_that_canvasapi_reads_to_its_end_is_whole(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    with CanvasSyncMetricsTracker("nightly", 41):
        course = canvasapi.Canvas(canvas_server.url, canvas_server.tokens[41]).get_course(101)
        assert len(list(course.get_users(per_page=5))) > 5
    left = Left(tmp_path)

    assert left.run.api_truncated == 0
    assert left.metric(MetricName.API_TRUNCATED_LISTS, "route") == {}


def test_a_list_that_canvasapi_leaves_early_is_truncated_unless_that_is_meant(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    with CanvasSyncMetricsTracker("nightly", 41):
        course = canvasapi.Canvas(canvas_server.url, canvas_server.tokens[41]).get_course(101)
        assert next(iter(course.get_users(per_page=5))).id
        with first_items_only():
            assert next(iter(course.get_assignments(per_page=5))).id
    left = Left(tmp_path)

    assert left.run.api_truncated == 1
    assert left.metric(MetricName.API_TRUNCATED_LISTS, "route") == {SEARCH: 1}


def test_a_list_of_which_requests_reads_only_the_first_page_is_truncated(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    """The usual mistake: `requests.get(url).json()`."""
    with CanvasSyncMetricsTracker("nightly", 41):
        page = get(canvas_server, "courses/102/users?per_page=5")
        while "next" in page.links:
            page = get(canvas_server, page.links["next"]["url"].partition("/api/v1/")[2])
        get(canvas_server, "courses/101/users?per_page=5")
        get(canvas_server, "courses/101/users?per_page=6")
        get(canvas_server, "courses/101/users?per_page=100")
    left = Left(tmp_path)

    assert left.run.api_truncated == 2
    assert left.log("operations")[-1]["api_truncated"] == 2


def test_the_analysis_counts_each_list_of_a_run_that_was_left_early(
    canvas_server: CanvasServer, tmp_path: Path
) -> None:
    with CanvasSyncMetricsTracker("nightly", 41):
        for size in (4, 5, 6):
            get(canvas_server, f"courses/101/users?per_page={size}")
    assert Left(tmp_path).run.api_truncated == 3

    analysis = analyze(tmp_path / "logs", tmp_path / "archive", Selection())
    report = make_log_report(analysis, tmp_path / "logs", Selection(), 10)
    assert report.api.truncated == 3
    assert f"3 lists not read to the end: {USERS} (3)." in [each.text for each in report.notes]
