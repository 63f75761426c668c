"""The class of a failure is told by what happened, however deep a client wraps it."""

from __future__ import annotations

import asyncio
import socket
import ssl

import aiohttp
import httpx
import pytest
import requests
import urllib3

from canvas_sync_core.canvas.failures import error_class

READ_TIMEOUT = urllib3.exceptions.ReadTimeoutError(
    urllib3.HTTPConnectionPool("c.test"), "/x", "Read timed out."
)
POOL = urllib3.HTTPConnectionPool("c.test")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectTimeout(), "timeout"),
        (requests.ReadTimeout(), "timeout"),
        (
            requests.ConnectionError(urllib3.exceptions.MaxRetryError(POOL, "/x", READ_TIMEOUT)),
            "timeout",
        ),
        (TimeoutError(), "timeout"),
        (httpx.PoolTimeout("no free connection"), "timeout"),
        (httpx.ReadError("reset"), "connection"),
        (httpx.RemoteProtocolError("broke off"), "connection"),
        (asyncio.CancelledError(), "cancelled"),
        (requests.ConnectionError(), "connection"),
        (requests.exceptions.SSLError(), "connection"),
        (requests.exceptions.ProxyError(), "connection"),
        (requests.exceptions.ChunkedEncodingError(), "connection"),
        (aiohttp.ClientPayloadError(), "connection"),
        (ConnectionResetError(), "connection"),
        (socket.gaierror(), "connection"),
        (ssl.SSLError(), "connection"),
        (requests.exceptions.RetryError(), "other"),
        (requests.TooManyRedirects(), "other"),
        (ValueError("timeout"), "other"),
        (KeyboardInterrupt(), "other"),
    ],
)
def test_the_class_of_an_error(error: BaseException, expected: str) -> None:
    assert error_class(error) == expected


def test_an_error_that_names_itself_as_its_cause_causes_no_endless_loop() -> None:
    error = ValueError()
    error.args = (error,)
    assert error_class(error) == "other"
