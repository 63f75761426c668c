"""Requests share an answer, which never comes from older data than they do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

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
        self._shared = SharedAnswers(object, lambda _: False)  # nothing stays the same
        self.requests = 0

    def ask(self, question: str = "recent") -> Future[int]:
        def get() -> int:
            self.requests += 1
            return self._shared.get(question, self._work)

        before = self.requests
        future = self._pool.submit(get)
        wait_until(lambda: self.requests > before, "the request to come")
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


class Keeping:
    """Requests one after the other, whose data and time the test sets."""

    def __init__(self) -> None:
        self.data = 0
        self.now = 0.0
        self.worked = 0
        self.may_keep = True
        self._shared = SharedAnswers(lambda: self.data, lambda _: self.may_keep, lambda: self.now)

    def ask(self, question: str = "recent") -> int:
        def work() -> int:
            self.worked += 1
            return self.data

        return self._shared.get(question, work)


def test_an_answer_is_kept_while_the_data_is_the_same() -> None:
    keeping = Keeping()
    assert [keeping.ask(), keeping.ask()] == [0, 0]
    assert keeping.worked == 1
    keeping.data = 1
    assert [keeping.ask(), keeping.ask()] == [1, 1]
    assert keeping.worked == 2


def test_an_answer_is_kept_for_a_second() -> None:
    keeping = Keeping()
    keeping.ask()
    keeping.now = 1.1  # "the last seven days" are others now
    keeping.ask()
    assert keeping.worked == 2


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    keeping = Keeping()
    keeping.ask()
    keeping.may_keep = False
    keeping.data = 1
    for _ in range(2):
        keeping.ask()
    assert keeping.worked == 3


def test_the_latest_few_answers_are_kept() -> None:
    keeping = Keeping()
    for number in range(17):
        keeping.ask(f"question {number}")
    keeping.ask("question 16")
    assert keeping.worked == 17
    keeping.ask("question 0")
    assert keeping.worked == 18


def _waiting(asking: Asking) -> int:
    return len(asking._shared._gathering)


def test_a_database_that_does_not_answer_is_asked_only_once() -> None:
    error: list[Exception] = []

    def fingerprint() -> int:
        for each in error:
            raise each
        return 1

    shared = SharedAnswers(fingerprint, lambda _: True)
    answer = shared.get("recent", lambda: "an answer")
    assert shared.is_current("recent", answer)
    error.append(OperationalError("SELECT", {}, Exception("it is silent")))
    assert not shared.is_current("recent", answer)
    with pytest.raises(OperationalError):
        shared.get("recent", lambda: pytest.fail("it was asked again"))
