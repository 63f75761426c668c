"""Calls of Canvas by route."""

from __future__ import annotations

from canvas_sync_exporter.logs.route_use import RouteUse, use_by_route


def test_routes_are_ordered_by_the_time_they_took() -> None:
    calls: list[dict[str, object]] = [
        *({"route": "/a", "status_code": 200, "duration_seconds": n / 100} for n in range(1, 101)),
        {"route": "/b", "status_code": 503, "duration_seconds": 90.0},
        {"route": "/b", "status_code": 403, "throttled": True, "duration_seconds": 1.0},
        {"route": "/b", "error_class": "timeout"},
        {"status_code": 200},
    ]
    assert use_by_route(calls) == [
        RouteUse("/b", calls=3, failed=3, throttled=1, p50=90.0, p95=90.0),
        RouteUse("/a", calls=100, failed=0, throttled=0, p50=0.51, p95=0.96),
        RouteUse("other", calls=1, failed=0, throttled=0, p50=None, p95=None),
    ]


def test_only_the_slowest_fifteen_routes_are_given() -> None:
    calls = [{"route": f"/{number}", "duration_seconds": float(number)} for number in range(20)]
    assert [each.route for each in use_by_route(calls)] == [f"/{n}" for n in range(19, 4, -1)]
