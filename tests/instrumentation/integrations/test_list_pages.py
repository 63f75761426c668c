"""Every correct way to read the pages of a list of a simulated Canvas leaves none truncated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import aiohttp
import canvasapi
import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from canvas_sync_demo.canvas_server import CanvasServer
from canvas_sync_demo.canvas_server.faults import Fault, FaultPlan, ServerError, When
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    carry_run,
    instrument_aiohttp,
    instrument_canvasapi,
    instrument_httpx,
    instrument_requests,
    uninstrument_aiohttp,
    uninstrument_canvasapi,
    uninstrument_httpx,
    uninstrument_requests,
)
from canvas_sync_instrumentation.testing import Recording, recording
from support.canvas import SMALL_SCHOOL, canvas_server

__all__ = ["canvas_server"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:Canvas may respond unexpectedly when making requests to HTTP URLs:UserWarning"
)

PAGES = range(1, 6)
"""Of the members of a course, at 3 a page."""


@pytest.fixture(name="recorded")
def _recorded() -> Iterator[Recording]:
    with recording() as recorded:
        instrument_requests()
        instrument_httpx()
        instrument_aiohttp()
        instrument_canvasapi()
        try:
            yield recorded
        finally:
            uninstrument_canvasapi()
            uninstrument_aiohttp()
            uninstrument_httpx()
            uninstrument_requests()


def _token(server: CanvasServer) -> str:
    return server.tokens[41]


def _page(server: CanvasServer, number: int, **more: Any) -> requests.Response:
    parameters = {"page": number, "per_page": 3, "access_token": _token(server), **more}
    answer = requests.get(_users(server), params=parameters, timeout=30)
    assert answer.ok
    return answer


def _users(server: CanvasServer) -> str:
    return f"{server.url}/api/v1/courses/101/users"


def _with_the_token_added_to_each_link(server: CanvasServer) -> None:
    token = _token(server)
    url: str | None = f"{_users(server)}?per_page=3&access_token={token}"
    while url:
        answer = requests.get(url, timeout=30)
        url = answer.links.get("next", {}).get("url")
        if url:
            assert token not in url
            url += f"&access_token={token}"


def _with_more_a_page_than_canvas_gives(server: CanvasServer) -> None:
    """The list of all submissions has 108 items, so that it has a second page of 100."""
    url = f"{server.url}/api/v1/courses/101/students/submissions"
    token = _token(server)
    parameters = {"student_ids[]": "all", "per_page": "1000", "access_token": token}
    first = requests.get(url, params=parameters, timeout=30)
    assert "per_page=100>" in first.headers["Link"]
    page = first.links["next"]["url"].partition("page=")[2].partition("&")[0]
    assert requests.get(f"{url}?page={page}", params=parameters, timeout=30).ok


def _counting(server: CanvasServer) -> None:
    for number in PAGES:
        _page(server, number)


def _backwards(server: CanvasServer) -> None:
    for number in reversed(PAGES):
        _page(server, number)


def _in_a_pool(server: CanvasServer) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(carry_run(partial(_page, server)), PAGES))


def _the_rest_in_a_pool_that_knows_no_run(server: CanvasServer) -> None:
    first = _page(server, 1)
    assert "page=5" in first.links["last"]["url"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(_page, server), range(2, 6)))


def _each_page_in_a_run_within(server: CanvasServer) -> None:
    _page(server, 1)
    for number in range(2, 6):
        with CanvasSyncMetricsTracker(f"page-{number}", 41, sync_type="page"):
            _page(server, number)


def _gathered_by_httpx(server: CanvasServer) -> None:
    async def read() -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            token = {"Authorization": f"Bearer {_token(server)}"}
            urls = [f"{_users(server)}?per_page=3&page={number}" for number in PAGES]
            await asyncio.gather(*(client.get(url, headers=token) for url in urls))

    asyncio.run(read())


def _gathered_by_aiohttp(server: CanvasServer) -> None:
    async def read() -> None:
        async with aiohttp.ClientSession() as session:
            token = {"Authorization": f"Bearer {_token(server)}"}

            async def page(number: int) -> Any:
                url = f"{_users(server)}?per_page=3&page={number}"
                async with session.get(url, headers=token) as answer:
                    return await answer.json()

            await asyncio.gather(*map(page, PAGES))

    asyncio.run(read())


def _by_canvasapi(server: CanvasServer) -> None:
    course = canvasapi.Canvas(server.url, _token(server)).get_course(101)
    assert len(list(course.get_users(per_page=3))) == 13
    assert course.get_users(per_page=3)[12].id


def _by_two_readers_at_once(server: CanvasServer) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(carry_run(_counting), server) for _ in range(2)]:
            done.result()


@pytest.mark.parametrize(
    "read",
    [
        _with_the_token_added_to_each_link,
        _with_more_a_page_than_canvas_gives,
        _counting,
        _backwards,
        _in_a_pool,
        _the_rest_in_a_pool_that_knows_no_run,
        _each_page_in_a_run_within,
        _gathered_by_httpx,
        _gathered_by_aiohttp,
        _by_canvasapi,
        _by_two_readers_at_once,
    ],
)
def test_a_list_that_is_read_to_its_end_is_not_truncated(
    read: Callable[[CanvasServer], None], canvas_server: CanvasServer, recorded: Recording
) -> None:
    with CanvasSyncMetricsTracker("whole", 41):
        read(canvas_server)
    assert sum(call.is_page for call in recorded.api_calls) > 1
    assert {run.api_truncated for run in recorded.runs} == {0}


def test_a_page_that_urllib3_repeats_is_part_of_its_list(recorded: Recording) -> None:
    plan = FaultPlan({41: (Fault(ServerError(503), When(times=1)),)})
    retry = Retry(3, backoff_factor=0.01, status_forcelist=[503])
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server, requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry))
        session.headers["Authorization"] = f"Bearer {_token(server)}"
        with CanvasSyncMetricsTracker("whole", 41):
            for number in PAGES:
                url = f"{_users(server)}?per_page=3&page={number}"
                assert session.get(url, timeout=30).ok
    assert [run.api_truncated for run in recorded.runs] == [0]
    assert [run.api_retried for run in recorded.runs] == [1]


@pytest.mark.parametrize("pages", [[1], [1, 2, 3], [3, 1, 2]])
def test_a_list_that_is_left_early_counts_once(
    pages: list[int], canvas_server: CanvasServer, recorded: Recording
) -> None:
    with CanvasSyncMetricsTracker("cut", 41):
        for number in pages:
            _page(canvas_server, number)
            _page(canvas_server, number, per_page=3)
    assert [run.api_truncated for run in recorded.runs] == [1]


def test_each_canvas_has_its_own_retries_and_lists(recorded: Recording) -> None:
    """The paths are the same on all of them."""
    plan = FaultPlan({41: (Fault(ServerError(503), When(times=1)),)})
    with (
        CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as one,
        CanvasServer(7, size=SMALL_SCHOOL) as other,
        CanvasSyncMetricsTracker("both", 41),
    ):
        token = {"Authorization": f"Bearer {_token(one)}"}
        assert requests.get(_users(one), headers=token, timeout=30).status_code == 503
        assert requests.get(_users(other), headers=token, timeout=30).ok
        assert _page(one, 1).ok
        _counting(other)
    (run,) = recorded.runs
    assert (run.api_retried, run.api_truncated) == (0, 2)
    assert len({call.host for call in recorded.api_calls}) == 2
