"""Requests that wait at the same time share an answer, which is never older than they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from canvas_sync_exporter.web.shared_answers import SharedAnswers
from support.waiting import wait_until


class Work:
    """Work that the test lets end; each piece answers with its number."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        assert self.may_end.acquire(timeout=60)
        if self.error is not None:
            raise self.error
        return number


class Asking:
    """Requests in threads."""

    def __init__(self, pool: ThreadPoolExecutor, work: Work) -> None:
        self._pool = pool
        self._work = work
        self._shared = SharedAnswers()
        self.asked = 0

    def ask(self, question: str = "recent") -> Future[int]:
        def get() -> int:
            self.asked += 1
            return self._shared.get(question, self._work)

        before = self.asked
        future = self._pool.submit(get)
        wait_until(lambda: self.asked > before, "the request to come")
        return future


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def asking(work: Work) -> Iterator[Asking]:
    with ThreadPoolExecutor(8) as pool:
        yield Asking(pool, work)
        work.may_end.release(8)


def test_all_that_come_during_one_answer_share_the_next(asking: Asking, work: Work) -> None:
    first = asking.ask()
    wait_until(lambda: work.begun == 1, "the first answer to begin")
    others = [asking.ask() for _ in range(5)]
    wait_until(lambda: _waiting(asking) == 1, "the others to gather")
    work.may_end.release()
    assert first.result(60) == 1
    work.may_end.release(5)
    answers = [other.result(60) for other in others]
    assert 2 in answers
    assert min(answers) == 2  # never the one that was begun before they came
    assert work.begun < 6


def test_different_questions_do_not_wait_for_each_other(asking: Asking, work: Work) -> None:
    one, other = asking.ask("recent"), asking.ask("failed")
    wait_until(lambda: work.begun == 2, "both answers to begin")
    work.may_end.release(2)
    assert {one.result(60), other.result(60)} == {1, 2}


def test_a_failure_is_not_shared(asking: Asking, work: Work) -> None:
    first = asking.ask()
    wait_until(lambda: work.begun == 1, "the first answer to begin")
    second = asking.ask()
    work.error = LookupError("the database is unreachable")
    work.may_end.release(2)
    for each in (first, second):
        with pytest.raises(LookupError):
            each.result(60)
    work.error = None
    work.may_end.release()
    assert asking.ask().result(60) == 3


def _waiting(asking: Asking) -> int:
    return len(asking._shared._gathering)
