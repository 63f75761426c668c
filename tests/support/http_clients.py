"""The HTTP clients that have a hook, each behind one small interface, to try them side by side."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpcore
import httpx
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, Retry

from canvas_sync_instrumentation import (
    instrument_aiohttp,
    instrument_httpx,
    instrument_requests,
    instrument_urllib3,
    uninstrument_aiohttp,
    uninstrument_httpx,
    uninstrument_requests,
    uninstrument_urllib3,
)

__all__ = ["CLIENTS", "UNUSED_TLS", "WRAPPED", "HttpClient", "Reply"]

UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nobody needs it; without it each client of httpx reads all certificates for one of its own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client made of an answer."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class HttpClient:
    """One client library.

    Attributes:
        library: What is installed.
        ask: Sends one request; the arguments are method, URL, timeout and JSON to send.
        instrument: Switches the hook on.
        uninstrument: Switches it off.
    """

    library: str
    ask: Callable[[str, str, float, Any], Reply]
    instrument: Callable[..., None]
    uninstrument: Callable[[], None]

    def get(self, url: str, timeout: float = 60.0) -> Reply:
        """Ask with GET, following redirects."""
        return self.ask("GET", url, timeout, None)

    def post(self, url: str, json: Any) -> Reply:
        """Send JSON."""
        return self.ask("POST", url, 60.0, json)


def _requests(method: str, url: str, timeout: float, json: Any) -> Reply:
    response = requests.request(method, url, timeout=timeout, json=json)
    return Reply(response.status_code, response.text)


def _httpx(method: str, url: str, timeout: float, json: Any) -> Reply:
    with httpx.Client(timeout=timeout, follow_redirects=True, verify=UNUSED_TLS) as client:
        response = client.request(method, url, json=json)
    return Reply(response.status_code, response.text)


def _httpx_async(method: str, url: str, timeout: float, json: Any) -> Reply:
    async def ask() -> Reply:
        async with httpx.AsyncClient(
            timeout=timeout, follow_redirects=True, verify=UNUSED_TLS
        ) as client:
            response = await client.request(method, url, json=json)
        return Reply(response.status_code, response.text)

    return asyncio.run(ask())


def _aiohttp(method: str, url: str, timeout: float, json: Any) -> Reply:
    async def ask() -> Reply:
        limit = aiohttp.ClientTimeout(total=timeout)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.request(method, url, json=json) as response,
        ):
            return Reply(response.status, await response.text())

    return asyncio.run(ask())


def _urllib3(method: str, url: str, timeout: float, json: Any) -> Reply:
    with urllib3.PoolManager(timeout=timeout, retries=Retry(5, connect=0, read=0)) as pools:
        response = pools.request(method, url, json=json)
    return Reply(response.status, response.data.decode())


CLIENTS: Mapping[str, HttpClient] = {
    "requests": HttpClient("requests", _requests, instrument_requests, uninstrument_requests),
    "httpx": HttpClient("httpx", _httpx, instrument_httpx, uninstrument_httpx),
    "httpx-async": HttpClient("httpx", _httpx_async, instrument_httpx, uninstrument_httpx),
    "aiohttp": HttpClient("aiohttp", _aiohttp, instrument_aiohttp, uninstrument_aiohttp),
    "urllib3": HttpClient("urllib3", _urllib3, instrument_urllib3, uninstrument_urllib3),
}

WRAPPED: tuple[tuple[Any, str], ...] = (
    (requests.Session, "request"),
    (requests.Session, "send"),
    (HTTPAdapter, "send"),
    (requests.hooks, "dispatch_hook"),
    (urllib3.PoolManager, "urlopen"),
    (HTTPConnectionPool, "urlopen"),
    (Retry, "increment"),
    (httpx.Client, "send"),
    (httpx.AsyncClient, "send"),
    (httpcore.ConnectionPool, "handle_request"),
    (httpcore.AsyncConnectionPool, "handle_async_request"),
    (aiohttp.ClientSession, "_request"),
    (aiohttp.ClientSession, "get"),
    (aiohttp.ClientResponse, "start"),
    (aiohttp.ClientResponse, "read"),
    (aiohttp.ClientResponse, "release"),
    (aiohttp.ClientResponse, "close"),
)
"""Functions that the hooks patch."""
