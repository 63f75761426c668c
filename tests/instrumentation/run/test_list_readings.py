"""A list that was read to its end is never truncated, however its pages were asked for."""

from __future__ import annotations

import itertools
import random
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.paging import PageAddress, address_of, next_address
from canvas_sync_instrumentation.run.call_history import CallHistory, CallKey
from canvas_sync_instrumentation.run.list_readings import first_items_only

PAGES = range(1, 6)
ROUTE = "/api/v1/courses/:course_id/users"
LIST = "https://canvas.test/api/v1/courses/7/users"
SIS_LIST = "https://canvas.test/api/v1/courses/sis_course_id:A/users"


def page_url(number: int, base: str = LIST, **parameters: str) -> str:
    return f"{base}?{urlencode({'page': str(number), **parameters})}"


def at(url: str) -> PageAddress:
    return address_of(urlsplit(url))


class Reader:
    """Asks for pages of a list of ``pages``, whose links have ``per_page=100``."""

    def __init__(self, history: CallHistory, pages: int = 5, links_to: str = LIST) -> None:
        self.history = history
        self.pages = pages
        self.links_to = links_to

    def begin(self, url: str) -> tuple[CallKey, str]:
        key, _ = self.history.begin("GET", at(url), 0.0)
        return key, url

    def end(self, call: tuple[CallKey, str], number: int) -> None:
        key, url = call
        target = page_url(number + 1, self.links_to, per_page="100")
        named = next_address(urlsplit(url), target if number < self.pages else None)
        self.history.answered(key, named, ROUTE)

    def read(self, url: str, number: int) -> None:
        self.end(self.begin(url), number)

    def read_all(self, base: str = LIST, **parameters: str) -> None:
        for number in range(1, self.pages + 1):
            self.read(page_url(number, base, **parameters), number)


def truncated(history: CallHistory) -> int:
    return sum(history.truncated().values())


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"per_page": "100"},
        {"per_page": "1000"},
        {"access_token": "s3cret"},
        {"access_token": "s3cret", "per_page": "1000"},
        {"api_key": "k"},
    ],
)
def test_pages_that_the_app_counts_itself(parameters: dict[str, str]) -> None:
    history = CallHistory()
    Reader(history).read_all(**parameters)
    assert truncated(history) == 0


@pytest.mark.parametrize(
    "base",
    [
        "https://canvas.test/api/v1/courses/sis_course_id:A/users",
        "https://CANVAS.test:443/api/v1/courses/7/users",
        "https://canvas.test//api/v1/courses/7/users",
        "https://canvas.test/api/v1/courses/7/users.json",
        "https://proxy.test/canvas/api/v1/courses/7/users",
    ],
)
@pytest.mark.parametrize("follows_links", [True, False])
def test_links_may_spell_the_list_in_another_way(base: str, follows_links: bool) -> None:
    history = CallHistory()
    reader = Reader(history)
    if follows_links:
        reader.read(base, 1)
        for number in range(2, 6):
            reader.read(page_url(number, per_page="100") + "&access_token=x", number)
    else:
        reader.read_all(base, per_page="1000")
    assert truncated(history) == 0


@given(st.permutations(range(1, 6)), st.integers(1, 5), st.randoms(use_true_random=False))
def test_pages_in_any_order_and_several_at_once(
    order: list[int], at_once: int, chance: random.Random
) -> None:
    history = CallHistory()
    reader = Reader(history)
    for _ in range(2):  # the second reading finds nothing left of the first
        for some in _batches(order, at_once):
            calls = [(number, reader.begin(page_url(number))) for number in some]
            chance.shuffle(calls)
            for number, call in calls:
                reader.end(call, number)
        assert truncated(history) == 0


def _batches(order: list[int], size: int) -> list[list[int]]:
    return [order[start : start + size] for start in range(0, len(order), size)]


@given(st.randoms(use_true_random=False))
def test_two_readers_of_the_same_list_at_once(chance: random.Random) -> None:
    history = CallHistory()
    reader = Reader(history)
    progress = {"one": 0, "other": 0}
    while unfinished := [name for name, number in progress.items() if number < 5]:
        name = chance.choice(unfinished)
        progress[name] += 1
        reader.read(page_url(progress[name]), progress[name])
    assert truncated(history) == 0


@given(st.integers(1, 3), st.booleans(), st.randoms(use_true_random=False))
def test_several_readers_in_any_order_after_a_first_look(
    readers: int, looks_first: bool, chance: random.Random
) -> None:
    history = CallHistory()
    reader = Reader(history)
    if looks_first:
        reader.read(LIST, 1)
    steps = [*PAGES] * readers
    in_flight: list[tuple[int, tuple[CallKey, str]]] = []
    chance.shuffle(steps)
    while steps or in_flight:
        if steps and chance.random() < 0.6:
            page = steps.pop()
            in_flight.append((page, reader.begin(page_url(page))))
        elif in_flight:
            page, call = in_flight.pop(chance.randrange(len(in_flight)))
            reader.end(call, page)
    assert truncated(history) == 0


def test_a_first_look_at_how_many_pages_there_are() -> None:
    history = CallHistory()
    reader = Reader(history)
    reader.read(LIST, 1)
    assert truncated(history) == 1
    calls = [(number, reader.begin(page_url(number))) for number in range(1, 6)]
    for number, call in reversed(calls):
        reader.end(call, number)
    assert truncated(history) == 0


def test_bookmarks_and_a_first_page_by_name() -> None:
    history = CallHistory()
    urls = [f"{LIST}?page={page}" for page in ("first", "bookmark:WzFd", "bookmark:WzJd==")]
    for url, target in itertools.zip_longest(urls, urls[1:]):
        key, _ = history.begin("GET", at(url), 0.0)
        history.answered(key, next_address(urlsplit(url), target), ROUTE)
    assert truncated(history) == 0


def test_lists_that_are_paged_by_another_parameter() -> None:
    history = CallHistory()
    urls = [f"{LIST}{query}" for query in ("", "?cursor=a", "?cursor=b")]
    for url, target in itertools.zip_longest(urls[:2], urls[1:]):
        key, _ = history.begin("GET", at(url), 0.0)
        history.answered(key, next_address(urlsplit(url), target), ROUTE)
    assert truncated(history) == 1
    history.answered(history.begin("GET", at(urls[2]), 0.0)[0], None, ROUTE)
    assert truncated(history) == 0


def test_relative_and_broken_links() -> None:
    history = CallHistory()
    key, _ = history.begin("GET", at(LIST), 0.0)
    history.answered(key, next_address(urlsplit(LIST), "?page=2"), ROUTE)
    assert truncated(history) == 1
    key, _ = history.begin("GET", at(f"{LIST}?page=2"), 0.0)
    history.answered(key, next_address(urlsplit(LIST), "https://[broken/"), ROUTE)
    assert truncated(history) == 0


def test_a_page_that_is_repeated_after_a_failure() -> None:
    history = CallHistory()
    reader = Reader(history, pages=3)
    calls = [(number, reader.begin(page_url(number))) for number in (1, 2, 3)]
    history.failed(calls[1][1][0], 0.0, is_transient=True)
    for number in (1, 3):
        reader.end(calls[number - 1][1], number)
    reader.read(page_url(2), 2)
    assert truncated(history) == 0


def test_a_single_page_that_is_requested_once_more() -> None:
    history = CallHistory()
    reader = Reader(history)
    reader.read_all()
    reader.read(page_url(3), 3)
    assert truncated(history) == 0


@pytest.mark.parametrize("seen", range(1, 5))
def test_a_list_that_is_left_early_counts_once(seen: int) -> None:
    history = CallHistory()
    reader = Reader(history)
    for _ in range(3):
        for number in range(1, seen + 1):
            reader.read(page_url(number, access_token="s3cret", per_page="1000"), number)
    assert history.truncated() == {ROUTE: 1}


def test_pages_of_a_list_that_was_read_to_its_end_may_be_asked_for_again() -> None:
    history = CallHistory()
    reader = Reader(history)
    reader.read_all()
    for number in (1, 3, 1):
        reader.read(page_url(number), number)
    reader.read(f"{SIS_LIST}?page=1", 1)
    assert truncated(history) == 0


def test_a_list_of_which_only_the_first_items_were_wanted_can_be_left_early_later() -> None:
    history = CallHistory()
    reader = Reader(history)
    with first_items_only():
        reader.read(page_url(1), 1)
        reader.read(page_url(2), 2)
    assert truncated(history) == 0
    reader.read(page_url(1), 1)
    reader.read(page_url(2), 2)
    assert truncated(history) == 1


def test_several_spellings_of_one_list() -> None:
    history = CallHistory()
    reader = Reader(history)
    bases = [f"https://canvas.test/api/v1/courses/{name}:A/users" for name in ("uuid", "sis")]
    for base in bases:
        reader.read(base, 1)
    assert truncated(history) == 1
    for number in (2, 3, 4, 5):
        reader.read(page_url(number, per_page="100"), number)
    assert truncated(history) == 0


def test_a_last_page_that_was_read_before_its_list_had_another_spelling_is_its_end() -> None:
    history = CallHistory()
    reader = Reader(history)
    reader.read(page_url(5, per_page="100"), 5)
    reader.read(SIS_LIST, 1)
    for number in (2, 3, 4):
        reader.read(page_url(number, per_page="100"), number)
    reader.read(SIS_LIST, 1)
    assert truncated(history) == 0, "it was read to its end, so that its first page may be again"


def test_lists_with_other_parameters_are_other_lists() -> None:
    history = CallHistory()
    for query in ("role=teacher", "role=student", "include[]=email", "per_page=5"):
        url = f"{LIST}?{query}"
        key, _ = history.begin("GET", at(url), 0.0)
        history.answered(key, next_address(urlsplit(url), f"{url}&page=2"), ROUTE)
    assert truncated(history) == 4


def test_reading_the_list_of_another_canvas_does_not_complete_this_one() -> None:
    history = CallHistory()
    one, other = (f"https://{host}.test/api/v1/courses/7/users" for host in "ab")
    Reader(history, links_to=one).read(one, 1)
    Reader(history, links_to=other).read_all(other)
    assert truncated(history) == 1


def test_first_items_only_does_not_affect_other_readings() -> None:
    history = CallHistory()
    reader = Reader(history)
    reader.read(page_url(1), 1)
    reader.read(page_url(2), 2)
    with first_items_only():
        reader.read(LIST, 1)
    assert truncated(history) == 1
    for number in (3, 4, 5):
        reader.read(page_url(number), number)
    assert truncated(history) == 0


def test_a_task_that_reads_a_share_of_the_pages_leaves_no_list() -> None:
    history = CallHistory()
    reader = Reader(history)
    for number in (2, 4):
        reader.read(page_url(number), number)
    assert truncated(history) == 0


def test_writing_reads_no_list() -> None:
    history = CallHistory()
    for method in ("POST", "HEAD"):
        key, _ = history.begin(method, at(LIST), 0.0)
        history.answered(key, next_address(urlsplit(LIST), page_url(2)), ROUTE)
    assert truncated(history) == 0


def test_a_list_without_end_takes_little_memory() -> None:
    history = CallHistory()
    reader = Reader(history, pages=30_000)
    reader.read_all()
    assert truncated(history) == 0


def test_lists_that_were_read_are_forgotten() -> None:
    history = CallHistory()
    for course in range(12_000):
        base = f"https://canvas.test/api/v1/courses/{course}/users"
        Reader(history, pages=2, links_to=base).read_all(base)
    base = "https://canvas.test/api/v1/courses"
    Reader(history, links_to=base).read(base, 1)
    assert truncated(history) == 1


@pytest.mark.parametrize(
    ("url", "repeats"),
    [
        ("https://a.test/api/v1/courses/7", True),
        ("https://a.test:443/api/v1/courses/7?access_token=x", True),
        ("https://b.test/api/v1/courses/7", False),
        ("https://a.test:8443/api/v1/courses/7", False),
    ],
)
def test_only_a_call_to_the_same_host_repeats_a_failed_one(url: str, repeats: bool) -> None:
    history = CallHistory()
    key, _ = history.begin("GET", at("https://a.test/api/v1/courses/7"), 1.0)
    history.failed(key, 2.0, is_transient=True)
    _, waited = history.begin("GET", at(url), 5.0)
    assert waited == (3.0 if repeats else None)


def test_a_retry_that_began_before_the_failed_call_had_ended_waited_for_nothing() -> None:
    history = CallHistory()
    url = at("https://a.test/api/v1/courses/7")
    key, _ = history.begin("GET", url, 1.0)
    history.failed(key, 2.0, is_transient=True)
    assert history.begin("GET", url, 1.5)[1] == 0.0


def test_a_call_after_one_that_a_retry_would_not_help_is_not_a_retry() -> None:
    history = CallHistory()
    url = at("https://a.test/api/v1/courses/7")
    key, _ = history.begin("GET", url, 1.0)
    history.failed(key, 2.0, is_transient=False)
    _, waited = history.begin("GET", url, 5.0)
    assert waited is None


GRAPHQL = at("https://a.test/api/graphql")


@pytest.mark.parametrize(
    ("first", "second", "repeats"),
    [
        ({"query": "{ a }"}, {"query": "{ a }"}, True),
        ({"query": "{ a }"}, {"query": "{ b }"}, False),
        (b"course[name]=a", "course[name]=a", True),
        (b"course[name]=a", b"course[name]=b", False),
        ([("a", 1)], [("a", 2)], False),
        (b"--3f2a\r\nfile", b"--77b1\r\nfile", True),
        (object(), object(), True),
        ({"when": object()}, None, True),
    ],
)
def test_a_call_that_sends_something_else_repeats_no_failed_one(
    first: object, second: object, repeats: bool
) -> None:
    history = CallHistory()
    key, _ = history.begin("POST", GRAPHQL, 1.0, first)
    history.failed(key, 2.0, is_transient=True)
    _, waited = history.begin("POST", GRAPHQL, 5.0, second)
    assert waited == (3.0 if repeats else None)
