"""The quota of tokens, from the metric files of several real processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from canvas_sync_core.events import ApiCall
from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.labels import MAX_TOKENS
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_exporter.collectors.tokens import (
    TokensCollector,
    read_token_expiries,
    read_token_quotas,
)
from support.metric_processes import samples

NOW = 1_766_398_530.0


def call(token: str | None, remaining: float | None = 500.0, **changes: object) -> ApiCall:
    """A call of 2 s that cost 4, but for ``changes``."""
    given: dict[str, object] = {
        "context": None,
        "time": NOW,
        "duration": 2.0,
        "method": "GET",
        "route": "/api/v1/courses",
        "path": "/api/v1/courses",
        "host": "canvas.example.edu",
        "status_code": 200,
        "cost": 4.0,
        "rate_limit_remaining": remaining,
        "token": token,
    }
    return ApiCall(**{**given, **changes})  # type: ignore[arg-type]  # the changes are the caller's


@contextmanager
def process(folder: Path, *calls: ApiCall) -> Iterator[None]:
    """A process that made some calls and lives."""
    sink = MetricsSink(folder)
    for each in calls:
        sink.handle(each)
    yield
    sink.close(0.0)


def test_processes_with_the_same_token_are_put_together(tmp_path: Path) -> None:
    with (
        process(tmp_path, call("aa", 500.0, time=NOW - 1), call("bb", 40.0)),
        process(tmp_path, call("aa", 480.0)),
    ):
        quotas = {each.token: each for each in read_token_quotas(tmp_path, NOW)}

    assert set(quotas) == {"aa", "bb"}
    assert quotas["aa"].remaining == 480.0
    assert quotas["aa"].cost_per_second > 1.5 * quotas["bb"].cost_per_second
    assert quotas["bb"].remaining == 40.0


def test_each_value_is_served_and_nothing_twice(tmp_path: Path) -> None:
    now = time.time()  # the collector goes by the real clock
    with process(tmp_path, call("aa", time=now), call("aa", time=now, duration=0.5, cost=1e9)):
        served = samples(TokensCollector(tmp_path, {"nightly": 1.9e9}))
        others = samples(SyncProcessCollector(tmp_path))

    assert set(served) == {
        f'{name}{{token="aa"}}'
        for name in MetricName
        if "_token_" in name and name is not MetricName.API_CREDENTIAL_EXPIRES
    } | {f'{MetricName.API_CREDENTIAL_EXPIRES}{{token="nightly"}}'}
    assert not [name for name in others if "_token_" in name]


def test_nothing_is_served_about_processes_that_have_ended(tmp_path: Path) -> None:
    with process(tmp_path, call("aa", 3.0)):
        pass
    SyncProcessCollector(tmp_path).files.fold()

    assert read_token_quotas(tmp_path, NOW) == []
    assert samples(TokensCollector(tmp_path, {})) == {}


def test_a_call_without_a_token_counts_for_no_token(tmp_path: Path) -> None:
    with process(tmp_path, call(None)):
        assert read_token_quotas(tmp_path, NOW) == []


def test_a_missing_folder_has_no_tokens(tmp_path: Path) -> None:
    assert read_token_quotas(tmp_path / "missing", NOW) == []


def test_a_token_that_was_not_used_for_an_hour_is_forgotten(tmp_path: Path) -> None:
    with process(tmp_path, call("aa")):
        assert read_token_quotas(tmp_path, NOW + 3599)
        assert not read_token_quotas(tmp_path, NOW + 3600)


def test_one_process_tells_a_bounded_number_of_tokens_apart(tmp_path: Path) -> None:
    calls = [call(f"{n:08x}", time=NOW + n / 1000) for n in range(MAX_TOKENS + 5)]
    with process(tmp_path, *calls):
        quotas = {each.token: each for each in read_token_quotas(tmp_path, NOW)}

    assert len(quotas) == MAX_TOKENS + 1
    assert quotas[OTHER].cost_per_second > 2 * quotas["00000000"].cost_per_second


def test_all_processes_tell_a_bounded_number_of_tokens_apart(tmp_path: Path) -> None:
    calls = [call(f"{n:08x}", time=NOW - n) for n in range(80)]
    with process(tmp_path, *calls[:40]), process(tmp_path, *calls[40:]):
        quotas = {each.token: each for each in read_token_quotas(tmp_path, NOW)}

    assert len(quotas) == MAX_TOKENS + 1
    assert OTHER in quotas
    assert "00000000" in quotas
    assert f"{79:08x}" not in quotas


def test_the_end_of_a_token_that_canvas_refused_is_known(tmp_path: Path) -> None:
    with process(tmp_path, call("aa", token_expired_at=1.7e9, status_code=401), call("bb")):
        assert read_token_expiries(tmp_path) == {"aa": 1.7e9}


def test_a_token_with_an_unknown_remaining_quota_is_left_out(tmp_path: Path) -> None:
    with process(tmp_path, call("aa", None)):
        assert read_token_quotas(tmp_path, NOW) == []


def test_what_a_process_does_not_report_about_a_token_counts_as_zero(tmp_path: Path) -> None:
    files = MetricFiles(tmp_path)
    for name, value in ((MetricName.API_QUOTA_REMAINING, 500.0), (MetricName.API_QUOTA_SEEN, NOW)):
        files.gauge(name, ["aa"]).set(value)
    (quota,) = read_token_quotas(tmp_path, NOW)
    assert (quota.cost_per_second, quota.concurrency) == (0.0, 0.0)
    assert read_token_quotas(tmp_path, NOW + 3599) != read_token_quotas(tmp_path, NOW + 3600) == []
