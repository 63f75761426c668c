"""The bound on requests that are answered at the same time."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.web.concurrency_limit import ConcurrencyLimit
from canvas_sync_exporter.web.problems import ProblemError


def test_a_place_given_back_can_be_taken_again() -> None:
    limit = ConcurrencyLimit(1, "Full.", retry_seconds=3)
    with limit.acquired(), pytest.raises(ProblemError) as refused:
        limit.acquire()
    assert refused.value.problem.status == 503
    assert refused.value.problem.detail == "Full."
    assert refused.value.headers["Retry-After"] == "3"
    with pytest.raises(ZeroDivisionError), limit.acquired():
        raise ZeroDivisionError
    limit.acquire()
