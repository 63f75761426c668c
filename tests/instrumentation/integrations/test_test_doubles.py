"""In a user's own tests, calls to the common stand-ins for Canvas are recorded like real ones."""

from __future__ import annotations

import asyncio
import inspect
import unittest
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import aioresponses
import httpx
import pytest
import pytest_httpx
import requests
import requests_mock
import responses
import respx
import urllib3
import vcr
from canvasapi import Canvas
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_aiohttp,
    instrument_canvasapi,
    instrument_httpx,
    instrument_requests,
)
from canvas_sync_instrumentation.integrations._installed import (
    instrument_installed,
    uninstrument_all,
)
from canvas_sync_instrumentation.testing import Recording, recording
from support.http_answers import Answer, answering
from support.http_clients import UNUSED_TLS

CANVAS = "https://canvas.example.edu"
COURSES = f"{CANVAS}/api/v1/courses"
HEADERS = {"X-Rate-Limit-Remaining": "650.5"}


@pytest.fixture(name="recorded")
def _recorded() -> Iterator[Recording]:
    with recording() as recorded:
        yield recorded
        uninstrument_all()


def statuses(recorded: Recording) -> list[tuple[int | None, float | None]]:
    return [(call.status_code, call.rate_limit_remaining) for call in recorded.api_calls]


@pytest.mark.parametrize("hook_first", [True, False], ids=["hook first", "double first"])
def test_requests_mock_as_a_context_manager(recorded: Recording, hook_first: bool) -> None:
    if hook_first:
        instrument_requests()
    with requests_mock.Mocker() as mocker:
        instrument_requests()
        mocker.get(COURSES, json=[], headers=HEADERS)
        assert requests.get(COURSES, timeout=1).json() == []
        mocker.get(COURSES, exc=requests.ConnectTimeout)
        with pytest.raises(requests.ConnectTimeout):
            requests.get(COURSES, timeout=1)
    assert statuses(recorded) == [(200, 650.5), (None, None)]


def test_requests_mock_as_a_fixture(
    requests_mock: requests_mock.Mocker, recorded: Recording
) -> None:
    instrument_requests()
    requests_mock.get(COURSES, status_code=403, text="403 Forbidden (Rate Limit Exceeded)")
    assert requests.get(COURSES, timeout=1).status_code == 403
    (call,) = recorded.api_calls
    assert call.throttled


def test_requests_mock_that_lets_other_calls_through(recorded: Recording) -> None:
    instrument_requests()
    with answering() as server, requests_mock.Mocker(real_http=True) as mocker:
        mocker.get(COURSES, json=[], headers=HEADERS)
        server.answers["/api/v1/courses"] = [Answer()]
        requests.get(COURSES, timeout=60)
        requests.get(f"{server.url}/api/v1/courses", timeout=60)
    assert [(call.status_code, call.retries) for call in recorded.api_calls] == [(200, 0), (200, 0)]


def test_requests_mock_as_an_adapter_of_a_session(recorded: Recording) -> None:
    instrument_requests()
    session, adapter = requests.Session(), requests_mock.Adapter()
    session.mount("https://", adapter)
    adapter.register_uri("GET", COURSES, json=[], headers=HEADERS)
    session.get(COURSES)
    assert statuses(recorded) == [(200, 650.5)]


@pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly:UserWarning")
def test_requests_mock_in_the_style_of_canvasapis_own_tests(recorded: Recording) -> None:
    @requests_mock.Mocker()
    class TestCourse(unittest.TestCase):
        def test_get_course(self, mocker: Any) -> None:
            mocker.register_uri("GET", f"{COURSES}/1", json={"id": 1}, headers=HEADERS)
            assert Canvas(CANVAS, "token").get_course(1).id == 1

    instrument_canvasapi()
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(TestCourse).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
    assert [call.route for call in recorded.api_calls] == ["/api/v1/courses/:id"]


@pytest.mark.parametrize("hook_first", [True, False], ids=["hook first", "double first"])
def test_responses(recorded: Recording, hook_first: bool) -> None:
    if hook_first:
        instrument_requests()
    with responses.RequestsMock() as mocked:
        instrument_requests()
        mocked.get(COURSES, json=[], headers=HEADERS)
        requests.get(COURSES, timeout=1)
    assert statuses(recorded) == [(200, 650.5)]


def test_responses_with_retries_of_urllib3(recorded: Recording) -> None:
    instrument_requests()
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[502, 503])))
    with responses.RequestsMock() as mocked, CanvasSyncMetricsTracker("retries", 42):
        mocked.get(COURSES, status=503)
        mocked.get(COURSES, status=502)
        mocked.get(COURSES, json=[], headers=HEADERS)
        assert session.get(COURSES).status_code == 200
    calls = recorded.api_calls
    assert [(call.status_code, call.retries) for call in calls] == [(503, 0), (502, 1), (200, 1)]
    assert [call.attempt for call in calls] == [0, 1, 2]


def test_responses_with_retries_that_are_used_up(recorded: Recording) -> None:
    instrument_requests()
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[503])))
    with responses.RequestsMock() as mocked, pytest.raises(requests.exceptions.RetryError):
        mocked.get(COURSES, status=503)
        session.get(COURSES)
    assert [call.status_code for call in recorded.api_calls] == [503, 503]


def _ask_requests(url: str) -> None:
    requests.get(url, timeout=60).json()


def _ask_urllib3(url: str) -> None:
    with urllib3.PoolManager() as pools:
        pools.request("GET", url)


def _ask_httpx(url: str) -> None:
    with httpx.Client(verify=UNUSED_TLS) as client:
        client.get(url)


async def _get_aiohttp(url: str, method: str = "get") -> int:
    async with aiohttp.ClientSession() as session:
        request = session.request("GET", url) if method == "request" else session.get(url)
        async with request as response:
            await response.read()
            return response.status


def _ask_aiohttp(url: str) -> None:
    asyncio.run(_get_aiohttp(url))


CLIENTS = {
    "requests": _ask_requests,
    "urllib3": _ask_urllib3,
    "httpx": _ask_httpx,
    "aiohttp": _ask_aiohttp,
}


@pytest.mark.parametrize("hook_first", [True, False], ids=["hook first", "double first"])
@pytest.mark.parametrize("name", CLIENTS)
def test_vcrpy_while_it_records_and_while_it_plays(
    recorded: Recording, tmp_path: Path, name: str, hook_first: bool
) -> None:
    cassette = str(tmp_path / "canvas.yaml")
    with answering() as server:
        server.answers["/api/v1/courses"] = [Answer(headers=HEADERS)]
        url = f"{server.url}/api/v1/courses"
        for _ in range(2):
            if hook_first:
                instrument_installed()
            with vcr.use_cassette(cassette):
                instrument_installed()
                CLIENTS[name](url)
            uninstrument_all()
        assert len(server.requests) == 1
    assert statuses(recorded) == [(200, 650.5)] * 2


class _Response(aiohttp.ClientResponse):
    """What aioresponses needs for aiohttp 3.14, which asks for one more argument."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters:
            kwargs["stream_writer"] = SimpleNamespace(output_size=0)
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize("hook_first", [True, False], ids=["hook first", "double first"])
@pytest.mark.parametrize("method", ["get", "request"])
def test_aioresponses(recorded: Recording, method: str, hook_first: bool) -> None:
    if hook_first:
        instrument_aiohttp()
    with aioresponses.aioresponses() as mocked, CanvasSyncMetricsTracker("double", 42):
        instrument_aiohttp()
        mocked.get(COURSES, payload=[], headers=HEADERS, response_class=_Response)
        assert asyncio.run(_get_aiohttp(COURSES, method)) == 200
        expired = {"errors": [{"message": "Expired access token."}]}
        mocked.get(COURSES, status=401, payload=expired, response_class=_Response)
        assert asyncio.run(_get_aiohttp(COURSES, method)) == 401
        mocked.get(COURSES, exception=aiohttp.ServerTimeoutError())
        with pytest.raises(aiohttp.ServerTimeoutError):
            asyncio.run(_get_aiohttp(COURSES, method))
        mocked.assert_any_call(COURSES, method="GET")
    calls = recorded.api_calls
    assert [call.status_code for call in calls] == [200, 401, None]
    assert [call.auth_failure for call in calls] == [None, "expired_token", None]
    assert recorded.runs[0].api_calls == 3


def test_after_a_double_of_aiohttp_real_calls_are_recorded_once(recorded: Recording) -> None:
    with aioresponses.aioresponses(passthrough=["http://127.0.0.1"]), answering() as server:
        server.answers["/api/v1/courses"] = [Answer()]
        instrument_aiohttp()
        asyncio.run(_get_aiohttp(f"{server.url}/api/v1/courses"))
    assert [call.status_code for call in recorded.api_calls] == [200]


def _respx(using: str) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: respx.mock(using=using)


@pytest.mark.parametrize("hook_first", [True, False], ids=["hook first", "double first"])
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_respx(recorded: Recording, using: str, hook_first: bool) -> None:
    if hook_first:
        instrument_httpx()
    with _respx(using)() as mocked:
        instrument_httpx()
        mocked.get(COURSES).respond(200, json=[], headers=HEADERS)
        _ask_httpx(COURSES)
        mocked.get(COURSES).mock(side_effect=httpx.ConnectError)
        with pytest.raises(httpx.ConnectError):
            _ask_httpx(COURSES)
    assert statuses(recorded) == [(200, 650.5), (None, None)]


def test_pytest_httpx(httpx_mock: pytest_httpx.HTTPXMock, recorded: Recording) -> None:
    instrument_httpx()
    httpx_mock.add_response(url=COURSES, json=[], headers=HEADERS)
    _ask_httpx(COURSES)
    assert statuses(recorded) == [(200, 650.5)]


def test_a_mock_transport_of_httpx(recorded: Recording) -> None:
    instrument_httpx()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=HEADERS, json=[]))
    with httpx.Client(transport=transport) as client:
        client.get(COURSES)
    assert statuses(recorded) == [(200, 650.5)]


def test_an_adapter_of_the_test_that_makes_answers_by_itself(recorded: Recording) -> None:
    class Fake(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            response = requests.Response()
            response.status_code, response._content = 200, b"[]"
            response.headers.update(HEADERS)
            response.raw = urllib3.HTTPResponse(body=b"[]")
            return response

    instrument_requests()
    session = requests.Session()
    session.mount("https://", Fake())
    session.get(COURSES)
    assert statuses(recorded) == [(200, 650.5)]
