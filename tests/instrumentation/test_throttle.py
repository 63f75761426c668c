"""A guard keeps a sync under Canvas's quota, against a simulated Canvas with real buckets."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import canvasapi
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.quota import HIGH_WATER, Bucket
from canvas_sync_core.canvas.tokens import token_hash
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.canvas_server.bucket import LeakyBucket, ThrottleLimits
from canvas_sync_demo.canvas_server.faults import Fault, FaultPlan, QuotaSpent, Slow, When
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    ThrottleGuard,
    carry_run,
    instrument_canvasapi,
    instrument_requests,
    shutdown,
    uninstrument_canvasapi,
    uninstrument_requests,
)
from canvas_sync_instrumentation.throttle import GuardedRequest
from support.canvas import SMALL_SCHOOL

THREADS = 16


@pytest.fixture
def slow_canvas() -> Iterator[CanvasServer]:
    """Answers take so long that 16 threads ask at once: more than a bucket holds."""
    plan = FaultPlan({41: (Fault(Slow(2.0)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        yield server


def get(server: CanvasServer, path: str = "courses") -> requests.Response:
    """Ask Canvas by plain requests."""
    headers = {"Authorization": f"Bearer {server.tokens[41]}"}
    return requests.get(f"{server.url}/api/v1/{path}", headers=headers, timeout=60)


def statuses(ask: Callable[[], requests.Response]) -> Counter[int]:
    """The statuses of a request by each of many threads at once."""
    together = threading.Barrier(THREADS)

    def work() -> int:
        together.wait(600)
        return ask().status_code

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(carry_run(work)) for _ in range(THREADS)]
        return Counter(future.result() for future in futures)


def test_without_a_guard_canvas_refuses_some_requests(slow_canvas: CanvasServer) -> None:
    found = statuses(lambda: get(slow_canvas))

    assert found[429] > 0
    assert found[200] + found[429] == THREADS


def test_with_a_guard_canvas_refuses_none_and_the_waiting_is_measured(
    slow_canvas: CanvasServer, tmp_path: Path
) -> None:
    instrument_requests(guard=ThrottleGuard())
    try:
        with CanvasSyncMetricsTracker("nightly", 41):
            found = statuses(lambda: get(slow_canvas))
    finally:
        uninstrument_requests()
        shutdown()

    assert found == {200: THREADS}
    lines = (tmp_path / "logs" / "api_calls.log").read_text().splitlines()
    records = list(map(json.loads, lines))
    waits = [record for record in records if record["event"] == "guard_wait"]
    assert {record["token"] for record in waits} == {token_hash(slow_canvas.tokens[41])}
    waited = sum(record["wait_seconds"] for record in waits)
    state = tmp_path / "logs" / "state"
    counters = SyncProcessCollector(state / "metrics")
    values = {
        sample.name: sample.value
        for family in counters.collect()
        for sample in family.samples
        if "_guard_" in sample.name
    }
    assert values == {
        "canvas_sync_api_guard_waits_total": len(waits),
        "canvas_sync_api_guard_wait_seconds_total": pytest.approx(waited),
    }
    engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    run = run_by_task(engine, "nightly")
    engine.dispose()
    assert run is not None
    assert run.api_wait_seconds == pytest.approx(waited)
    assert run.api_throttled == 0


class CountingGuard(ThrottleGuard):
    """Counts the requests that it is asked about."""

    count = 0

    def acquire(self, token: str | None) -> GuardedRequest:
        self.count += 1
        return super().acquire(token)


@pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly:UserWarning")
def test_a_request_of_canvasapi_is_held_back_once_by_both_hooks_together() -> None:
    guard = CountingGuard()
    instrument_canvasapi(guard=guard)
    instrument_requests(guard=guard)
    try:
        with CanvasServer(7, size=SMALL_SCHOOL) as server:
            course = canvasapi.Canvas(server.url, server.tokens[41]).get_course(101)
            assert list(course.get_users(per_page=5))
            sent = sum(server.requests.values())
    finally:
        uninstrument_requests()
        uninstrument_canvasapi()
        shutdown()

    assert guard.count == sent > 3
    assert guard.try_begin(token_hash(server.tokens[41])) == 0.0


def test_async_requests_are_held_back_too(slow_canvas: CanvasServer) -> None:
    guard, token = ThrottleGuard(), slow_canvas.tokens[41]

    async def ask() -> int:
        async with guard.request(token) as held:
            answer = await asyncio.to_thread(get, slow_canvas)
            held.observe(answer.status_code, answer.headers)
            return answer.status_code

    async def ask_all() -> list[int]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS))
        return await asyncio.gather(*(ask() for _ in range(THREADS)))

    assert Counter(asyncio.run(ask_all())) == {200: THREADS}


def test_quota_that_others_use_up_is_learned_from_the_responses() -> None:
    """Another process fills the bucket behind the first request's back."""
    plan = FaultPlan({41: (Fault(QuotaSpent(620.0), When(times=1)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        guard, token = ThrottleGuard(), server.tokens[41]
        found = []
        waited = []
        for _ in range(3):
            waited.append(guard.wait(token))
            answer = get(server)
            guard.observe(token, answer.status_code, answer.headers)
            found.append(answer.status_code)

    assert found == [200, 200, 200]
    assert waited[0] == 0.0
    assert waited[1] > 0.0


def test_waiting_without_blocking_the_event_loop() -> None:
    guard = ThrottleGuard()
    guard.observe("token", 200, {"X-Rate-Limit-Remaining": "45.0"})

    assert asyncio.run(guard.wait_async("token")) > 0.0


def test_a_throttled_answer_holds_the_next_request_back() -> None:
    guard = ThrottleGuard(reserve=0.0)
    guard.observe("token", 429, {"X-Rate-Limit-Remaining": "13.67"})

    assert guard.try_begin(token_hash("token")) > 4.0
    assert guard.try_begin(token_hash("another")) == 0.0


def test_the_quota_of_one_canvas_does_not_hold_back_requests_to_another() -> None:
    """A copy of Canvas for tests takes the same tokens."""
    guard, token = ThrottleGuard(), token_hash("token")
    with guard.request("token").at("canvas.test") as held:
        held.observe(429, {})

    assert guard.try_begin(guard.quota_at("beta.canvas.test", token)) == 0.0
    assert guard.try_begin(guard.quota_at("canvas.test", token)) > 0.0
    assert guard.try_begin(token) > 0.0


def test_a_request_that_fails_releases_its_room() -> None:
    guard = ThrottleGuard()
    for _ in range(50):
        with pytest.raises(OSError, match="gone"), guard.request("token"):
            raise OSError("gone")

    assert guard.try_begin(token_hash("token")) == 0.0


def test_a_reserve_leaves_room_to_others() -> None:
    guard = ThrottleGuard(reserve=300.0)
    begun = [guard.try_begin("t") for _ in range(7)]

    assert begun[:5] == [0.0] * 5
    assert begun[6] > 0.0


@pytest.mark.parametrize("reserve", [-1.0, 501.0, float("nan")])
def test_a_reserve_without_room_for_a_request_is_refused(reserve: float) -> None:
    with pytest.raises(ValueError, match="use 0 to 500"):
        ThrottleGuard(reserve=reserve)


def test_a_forked_child_does_not_wait_for_a_lock_of_its_parent() -> None:
    guard = ThrottleGuard()
    with guard._changed.lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if guard.try_begin("t") == 0.0 else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


STEPS = st.lists(
    st.tuples(st.floats(0, 20), st.booleans(), st.floats(0, 40)), min_size=1, max_size=200
)


@given(STEPS)
def test_one_process_is_never_refused_by_a_bucket_that_it_has_to_itself(
    steps: list[tuple[float, bool, float]],
) -> None:
    """The model against Canvas's own rule: starts when there is room, ends with any cost."""
    now = 0.0
    canvas = LeakyBucket(ThrottleLimits(), lambda: now)
    model, in_flight = Bucket(0.0), 0
    for pause, starts, cost in steps:
        now += pause
        model = model.at(now)
        if starts:
            if model.seconds_until_room(0.0) == 0.0:
                assert canvas.reserve()
                model, in_flight = model.begun(), in_flight + 1
        elif in_flight:
            canvas.refund(cost)
            model, in_flight = model.ended(cost, canvas.remaining, throttled=False), in_flight - 1
        canvas.fill_to(0.0)  # lets leak what has leaked since
        assert model.level >= HIGH_WATER - canvas.remaining - 1e-6


@given(st.floats(0, 800), st.floats(0, 500))
def test_there_is_room_after_the_delay_that_it_returns(level: float, reserve: float) -> None:
    bucket = Bucket(0.0, level)
    delay = bucket.seconds_until_room(reserve)

    assert bucket.at(delay).seconds_until_room(reserve) == 0.0
