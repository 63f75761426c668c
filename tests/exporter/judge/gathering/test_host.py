"""Tokens are known for two days after their last process has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from canvas_sync_core.events import ApiCall
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_exporter.judge.gathering.host import TokenWatch
from canvas_sync_exporter.settings import configuration

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)


def used_by_live_process(folder: Path, token: str) -> MetricsSink:
    """A process that has just used a token."""
    sink = MetricsSink(folder)
    sink.handle(
        ApiCall(
            context=None,
            time=NOW.timestamp(),
            duration=2.0,
            method="GET",
            route="/api/v1/courses",
            path="/api/v1/courses",
            host="canvas.example.edu",
            status_code=200,
            rate_limit_remaining=500.0,
            token=token,
        )
    )
    return sink


def test_a_token_is_remembered_after_its_process_has_ended(tmp_path: Path) -> None:
    settings = {
        "CANVAS_SYNC_LOG_DIR": str(tmp_path),
        "CANVAS_SYNC_TOKEN_EXPIRES": "nightly=2027-01-01",
    }
    watch = TokenWatch(configuration(settings))
    process = used_by_live_process(tmp_path / "state" / "metrics", "3f2a91c0")

    def seen(after: timedelta) -> dict[str, tuple[datetime | None, bool]]:
        found = watch.observe(NOW + after)
        return {each.token: (each.seen, each.remaining is not None) for each in found}

    named = {"nightly": (None, False)}
    assert seen(timedelta()) == {"3f2a91c0": (NOW, True), **named}
    process.close(0.0)
    assert seen(timedelta(days=2)) == {"3f2a91c0": (NOW, False), **named}
    assert seen(timedelta(days=2, seconds=1)) == named
