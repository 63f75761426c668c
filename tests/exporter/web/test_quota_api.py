"""``GET quota``: what is left by token, what is used by which route, when tokens end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask

from canvas_sync_core.canvas.tokens import token_hash
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_exporter.web import register_canvas_metrics_api
from canvas_sync_instrumentation import instrument_requests, shutdown, uninstrument_requests
from support.canvas import canvas_server

__all__ = ["canvas_server"]


@pytest.fixture
def quota(canvas_server: CanvasServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The answer after two users called a real server in this process, which lives."""
    monkeypatch.setenv("CANVAS_SYNC_TOKEN_EXPIRES", "nightly=2027-01-31,old=2020-01-01T12:00Z")
    instrument_requests()
    for user, path in ((41, "courses/101/users?per_page=100"), (41, "courses"), (42, "courses")):
        headers = {"Authorization": f"Bearer {canvas_server.tokens[user]}", "User-Agent": "t"}
        answer = requests.get(f"{canvas_server.url}/api/v1/{path}", headers=headers, timeout=30)
        assert answer.status_code == 200
    app = Flask(__name__)
    register_canvas_metrics_api(app)
    yield app.test_client().get("/api/canvas/metrics/quota").get_json()
    uninstrument_requests()
    shutdown()


def test_each_token_is_identified_by_its_hash(
    quota: dict[str, Any], canvas_server: CanvasServer
) -> None:
    tokens = {each["token"]: each for each in quota["tokens"]}

    assert set(tokens) == {token_hash(canvas_server.tokens[user]) for user in (41, 42)}
    for each in tokens.values():
        assert 590 < each["remaining"] <= each["maximum"] <= 700
        assert each["cost_per_second"] > 0
        assert each["seconds_until_empty"] is None
        assert each["safe_concurrency"] >= 1
        assert dt.datetime.fromisoformat(each["last_request"]).tzinfo is not None


def test_no_token_is_shown(quota: dict[str, Any], canvas_server: CanvasServer) -> None:
    assert not [token for token in canvas_server.tokens.values() if token in str(quota)]


def test_the_most_expensive_route_comes_first(quota: dict[str, Any]) -> None:
    users, courses = quota["routes"]

    assert (users["route"], users["requests"]) == ("/api/v1/courses/:course_id/users", 1)
    assert (courses["route"], courses["requests"]) == ("/api/v1/courses", 2)
    assert users["cost_per_request"] > courses["cost_per_request"] > 0
    assert courses["cost"] == pytest.approx(2 * courses["cost_per_request"])
    assert sum(each["share"] for each in quota["routes"]) == pytest.approx(1)


def test_the_next_token_to_expire_comes_first(quota: dict[str, Any]) -> None:
    old, nightly = quota["expiries"]

    assert (old["token"], old["expires"]) == ("old", "2020-01-01T12:00:00Z")
    assert old["days_left"] < -2000
    assert (nightly["token"], nightly["expires"]) == ("nightly", "2027-01-31T00:00:00Z")


def test_without_syncs_nothing_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Flask(__name__)
    register_canvas_metrics_api(app)

    answer = app.test_client().get("/api/canvas/metrics/quota").get_json()

    assert (answer["tokens"], answer["routes"], answer["expiries"]) == ([], [], [])
    assert (answer["leak_rate"], answer["precharge"]) == (10, 50)


def test_the_deprecated_names_of_the_leak_rate_and_the_precharge_still_work(
    quota: dict[str, Any],
) -> None:
    former = quota["outflow_per_second"], quota["up_front_cost"]
    assert former == (quota["leak_rate"], quota["precharge"])
