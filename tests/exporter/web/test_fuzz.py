"""No input gives a 500."""

from __future__ import annotations

import http.client
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from support.http import serving
from support.runs import failed, snapshot, write
from support.tables import create_tables

API = "/api/canvas/metrics"
PATHS = (
    *("sync/{}", "sync/task/{}", "user/{}/summary", "user/{}/syncs", "{}"),
    *("summary", "recent", "failed", "performance", "health", "logs/cleanup-status"),
    *("suspect", "quota", "freshness", "logs/search"),
    *("runs", "runs/facets", "running", "series", "errors/top", "errors/series"),
    *("sync/{}/calls", "sync/1/calls", "sync/1/steps", "sync/1/log", "sync/1/history"),
    *("incidents", "incidents/{}", "incidents/{}/acknowledge"),
    *("expectations", "pauses", "pauses/{}"),
)
ANY_BYTES = st.binary(max_size=30).map(lambda raw: quote(raw, safe=""))
NUMBERS = st.integers().map(str) | st.floats().map(str) | st.integers(0, 2**70).map(str)
CURSORS = st.binary(max_size=20).map(quote) | st.text(
    string.ascii_letters + string.digits + "-_=.", max_size=60
)
VALUES = ANY_BYTES | NUMBERS | CURSORS | st.text(max_size=10).map(quote)
FILTERS = [
    "state",
    "kind",
    "sync_type",
    "text",
    "regex",
    "log",
    "level",
    "user_id",
    "status",
    "since",
    "until",
    *("from", "to", "tz", "format", "host", "min_duration", "error_type", "suspect", "step", "by"),
]
NAMES = st.sampled_from(["limit", "days", "cursor", "run_id", "verbose", *FILTERS]) | ANY_BYTES
QUERIES = st.lists(st.tuples(NAMES, VALUES).map("=".join) | ANY_BYTES, max_size=4).map("&".join)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
HEADER_NAMES = st.sampled_from(
    [
        *("Accept", "Accept-Encoding", "Authorization", "Content-Type", "Range"),
        *("If-None-Match", "If-Modified-Since", "Cookie", "X-Forwarded-For", "Transfer-Encodings"),
    ]
)
HEADERS = st.dictionaries(
    HEADER_NAMES,
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
    max_size=3,
)
SLOW = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Client:
    """One kept connection to a running exporter; sends what it is given, as it is."""

    host: str

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.host, timeout=30)

    def ask(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, str]:
        """Send a request; gives status and content type."""
        sent = {name: value.encode("latin-1") for name, value in headers.items()}
        self.connection.request(method, target, body or None, sent)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Content-Type", "")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(folder / "logs")})
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    write(engine, snapshot("one"), failed("two", user_id=0))
    registry = CollectorRegistry()
    register_collectors(registry, config)
    app = create_app(WebContext(config, engine, Access(None)), registry)
    with serving(app) as url:
        client = Client(urlsplit(url).netloc)
        yield client
        client.connection.close()
    engine.dispose()


def _is_fine(status: int, content_type: str) -> bool:
    if status < 400:
        return True
    return status < 500 and content_type == "application/problem+json"


@SLOW
@given(st.sampled_from(PATHS), VALUES, QUERIES)
@example("sync/{}", str(2**63), "")
@example("sync/{}", "9" * 4400, "")
@example("sync/task/{}", "%00", "")
@example("sync/task/{}", "%ED%A0%80", "")
@example("user/{}/syncs", "1", "cursor=" + quote("MS4x"))
@example("recent", "", "cursor=OTk5OTk5OTk5OTk5OTk5OTkuOTk5OTk5OTk5OTk5OTk5OTk5")
@example("failed", "", "days=3660")
@example("incidents", "", "cursor=" + quote("MS4x"))
@example("incidents/{}", str(2**63 - 1), "")
def test_no_path_and_no_query_gives_a_500(
    client: Client, path: str, value: str, query: str
) -> None:
    target = f"{API}/{path.format(value)}?{query}"
    assert _is_fine(*client.ask("GET", target, {})), target


@SLOW
@given(st.tuples(METHODS, st.sampled_from(PATHS), VALUES), HEADERS, st.binary(max_size=50))
def test_no_method_and_no_header_gives_a_500(
    client: Client, request: tuple[str, str, str], headers: dict[str, str], body: bytes
) -> None:
    method, path, value = request
    target = f"{API}/{path.format(value)}"
    status, content_type = client.ask(method, target, headers, body)
    assert method == "HEAD" or _is_fine(status, content_type), (status, content_type)
    assert status < 500


@SLOW
@given(HEADERS, QUERIES)
def test_no_header_breaks_a_scrape(client: Client, headers: dict[str, str], query: str) -> None:
    assert client.ask("GET", f"/metrics?{query}", headers)[0] == 200
