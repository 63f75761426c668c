"""urllib3 is seen where it is used directly, and counts nothing twice below other clients."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import botocore.config
import botocore.session
import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import PoolManager, Retry

from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.integrations.requests import (
    instrument_requests,
    uninstrument_requests,
)
from canvas_sync_instrumentation.integrations.urllib3 import (
    instrument_urllib3,
    uninstrument_urllib3,
)
from canvas_sync_instrumentation.testing import Recording, recording
from support.http_answers import Answer, AnswerServer, answering

COURSES = "/api/v1/courses"


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSES] = [Answer(headers={"X-Request-Cost": "0.5"})]
        server.answers["/weather"] = [Answer()]
        yield server


@pytest.fixture(name="recorded")
def _recorded() -> Iterator[Recording]:
    with recording() as recorded:
        instrument_urllib3()
        yield recorded
        uninstrument_requests()
        uninstrument_urllib3()


def _by_url(server: AnswerServer, retries: Retry | None) -> urllib3.BaseHTTPResponse:
    with PoolManager(retries=retries) as manager:
        return manager.request("GET", f"{server.url}{COURSES}")


def _by_pool(server: AnswerServer, retries: Retry | None) -> urllib3.BaseHTTPResponse:
    """As uw-restclients-canvas asks."""
    with urllib3.connection_from_url(server.url, retries=retries) as pool:
        return pool.urlopen("GET", COURSES, headers={"Accept": "*/*"}, retries=retries)


def _by_names(server: AnswerServer, retries: Retry | None) -> urllib3.BaseHTTPResponse:
    with urllib3.connection_from_url(server.url) as pool:
        return pool.urlopen(url=COURSES, method="GET", body=None, headers=None, retries=retries)


def _by_proxy(server: AnswerServer, retries: Retry | None) -> urllib3.BaseHTTPResponse:
    with urllib3.ProxyManager(server.url) as manager:
        server.answers[f"{server.url}{COURSES}"] = server.answers[COURSES]
        return manager.request("GET", f"{server.url}{COURSES}", retries=retries)


WAYS: list[Callable[[AnswerServer, Retry | None], urllib3.BaseHTTPResponse]] = [
    _by_url,
    _by_pool,
    _by_names,
    _by_proxy,
]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_ask_is_one_call(
    server: AnswerServer, recorded: Recording, way: Callable[..., Any]
) -> None:
    assert way(server, None).status == 200
    (call,) = recorded.api_calls
    assert (call.method, call.path, call.status_code, call.cost) == ("GET", COURSES, 200, 0.5)
    assert call.host == server.url.removeprefix("http://")


@pytest.mark.parametrize("way", WAYS)
def test_each_attempt_counts_with_its_status_and_the_wait_before_it(
    server: AnswerServer, recorded: Recording, way: Callable[..., Any]
) -> None:
    server.answers[COURSES] = [Answer(503), Answer(502), Answer()]
    retries = Retry(3, status_forcelist=[502, 503], backoff_factor=0.05)
    with CanvasSyncMetricsTracker("tries", 42):
        assert way(server, retries).status == 200
    calls = recorded.api_calls
    assert [(call.status_code, call.retries) for call in calls] == [(503, 0), (502, 1), (200, 1)]
    assert calls[2].backoff >= 0.1


def test_attempts_that_find_no_server_count(recorded: Recording) -> None:
    with PoolManager() as manager, pytest.raises(urllib3.exceptions.MaxRetryError):
        manager.request("GET", f"http://127.0.0.1:1{COURSES}", retries=2)
    assert [call.error_class for call in recorded.api_calls] == ["connection"] * 3


def test_the_token_in_the_headers_of_a_pool_is_known_by_its_hash(
    server: AnswerServer, recorded: Recording
) -> None:
    with PoolManager(headers={"authorization": "Bearer secret"}) as manager:
        manager.request("GET", f"{server.url}{COURSES}")
    (call,) = recorded.api_calls
    assert call.token is not None
    assert "secret" not in repr(recorded.events)


def test_a_redirect_within_a_pool_is_part_of_the_call(
    server: AnswerServer, recorded: Recording
) -> None:
    hop = {"Location": COURSES, "X-Request-Cost": "0.25"}
    server.answers["/api/v1/courses/7"] = [Answer(302, hop)]
    with urllib3.connection_from_url(server.url) as pool:
        assert pool.urlopen("GET", "/api/v1/courses/7").status == 200
    (call,) = recorded.api_calls
    assert (call.path, call.status_code, call.cost) == ("/api/v1/courses/7", 200, 0.75)


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations([instrument_requests, instrument_urllib3])),
    ids=["requests first", "urllib3 first"],
)
def test_below_requests_a_call_counts_once_with_both_hooks_on(
    server: AnswerServer, order: tuple[Callable[[], None], ...]
) -> None:
    server.answers["/api/v1/courses/7"] = [Answer(302, {"Location": COURSES})]
    with recording() as recorded:
        for instrument in order:
            instrument()
        try:
            requests.get(f"{server.url}{COURSES}", timeout=60)
            requests.get(f"{server.url}/api/v1/old", timeout=60)
            assert len(recorded.api_calls) == 2
            uninstrument_requests()
            requests.get(f"{server.url}{COURSES}", timeout=60)
            assert len(recorded.api_calls) == 3
        finally:
            uninstrument_requests()
            uninstrument_urllib3()
        requests.get(f"{server.url}{COURSES}", timeout=60)
    assert len(recorded.api_calls) == 3


def test_below_an_adapter_of_the_apps_own_a_call_counts_once(
    server: AnswerServer, recorded: Recording
) -> None:
    class Direct(BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            with PoolManager() as manager:
                answer = manager.request("GET", str(request.url))
            return HTTPAdapter().build_response(request, answer)

        def close(self) -> None:
            pass

    instrument_requests()
    session = requests.Session()
    session.mount("http://", Direct())
    session.get(f"{server.url}{COURSES}")
    assert [call.status_code for call in recorded.api_calls] == [200]


@pytest.mark.parametrize("requests_too", [True, False])
def test_below_botocore_a_request_counts_once(
    server: AnswerServer, recorded: Recording, requests_too: bool
) -> None:
    """To an S3 of whose host nobody says that it is not Canvas."""
    if requests_too:
        instrument_requests()
    server.answers["/api/v1/courses"] = [Answer(503, body=""), Answer(headers={}, body="content")]
    s3 = botocore.session.Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    s3.get_object(Bucket="api", Key="v1/courses")["Body"].read()
    s3.close()
    assert [call.status_code for call in recorded.api_calls] == [503, 200]
    assert len(server.requests) == 2


def test_what_a_response_hook_sends_by_urllib3_is_a_call_of_its_own(
    server: AnswerServer, recorded: Recording
) -> None:
    instrument_requests()

    def tell(*_: Any, **__: Any) -> None:
        with PoolManager() as manager:
            manager.request("GET", f"{server.url}/weather")
            manager.request("GET", f"{server.url}/api/v1/users/7")

    requests.get(f"{server.url}{COURSES}", timeout=60, hooks={"response": tell})
    assert [(call.path, call.status_code) for call in recorded.api_calls] == [
        ("/api/v1/users/7", 404),
        (COURSES, 200),
    ]


def test_a_response_hook_that_sends_the_request_once_more_makes_it_two(
    server: AnswerServer, recorded: Recording
) -> None:
    """As one that renews an expired token."""
    server.answers[COURSES] = [Answer(401), Answer()]
    instrument_requests()

    def renew(response: Any, **options: Any) -> Any:
        if response.status_code == 401:
            response.content  # noqa: B018 - the connection is used once more
            return response.connection.send(response.request, **options)
        return response

    requests.get(f"{server.url}{COURSES}", timeout=60, hooks={"response": renew})
    assert [call.status_code for call in recorded.api_calls] == [401, 200]
