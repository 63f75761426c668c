"""The bound on requests that are answered at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from canvas_sync_exporter.web.concurrency_limit import ConcurrencyLimit
from canvas_sync_exporter.web.problems import ProblemError


def test_a_released_slot_can_be_taken_again() -> None:
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=3)
    with limit.acquired(), pytest.raises(ProblemError) as refused:
        limit.acquire()
    assert refused.value.problem.status == 503
    assert refused.value.problem.detail == "Full."
    assert refused.value.headers["Retry-After"] == "3"
    with pytest.raises(ZeroDivisionError), limit.acquired():
        raise ZeroDivisionError
    limit.acquire()


def test_some_requests_wait_for_a_slot_and_any_more_are_refused() -> None:
    """Of two that come while all slots are taken, one is refused at once and one waits."""
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=1, waiting=1, wait_seconds=600)
    limit.acquire()
    with ThreadPoolExecutor(2) as clients:
        late = [clients.submit(limit.acquire) for _ in range(2)]
        refused = next(as_completed(late, timeout=60))
        assert isinstance(refused.exception(), ProblemError)
        (waiting,) = set(late) - {refused}
        assert not waiting.done()
        limit.release()
        waiting.result(60)


def test_a_request_that_has_waited_too_long_is_refused() -> None:
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=1, waiting=1, wait_seconds=0.01)
    with limit.acquired():
        for _ in range(2):
            with pytest.raises(ProblemError):
                limit.acquire()


def test_a_question_waits_for_a_slot() -> None:
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=1, waiting=1, wait_seconds=600)
    limit.acquire()
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(limit.allows, lambda: True)
        with pytest.raises(TimeoutError):
            answer.result(0.05)
        limit.release()
        assert answer.result(60)


def test_without_a_slot_the_answer_is_no() -> None:
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=1)
    with limit.acquired():
        assert not limit.allows(lambda: True)
    assert limit.allows(lambda: True)
    assert not limit.allows(lambda: False)
