"""Conditional and compressed answers."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from support.runs import snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter


@pytest.mark.parametrize("path", ["sync/1", "recent", "user/42/syncs", "failed"])
def test_a_client_that_has_the_answer_gets_no_body(exporter: Exporter, path: str) -> None:
    first = exporter.api(path)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = exporter.api(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("path", ["summary", "performance", "performance?exact=true"])
def test_statistics_of_all_runs_stay_the_same_within_a_quarter_of_an_hour(
    exporter: Exporter, path: str
) -> None:
    for _ in range(2):  # one may end between the two requests
        first = exporter.api(path)
        again = exporter.api(path, headers={"If-None-Match": first.headers["ETag"]})
        if again.status_code == 304:
            break
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["user/42/summary", "freshness"])
def test_an_answer_with_times_or_ages_is_never_the_same(exporter: Exporter, path: str) -> None:
    first = exporter.api(path)
    again = exporter.api(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.json() != first.json()


def test_a_changed_answer_is_given_whole_under_another_tag(exporter: Exporter) -> None:
    before = exporter.api("recent")
    write(exporter.engine, snapshot("a later one"))
    after = exporter.api("recent", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    assert len(after.json()["items"]) == len(before.json()["items"]) + 1


def test_a_garbled_tag_is_a_tag_that_does_not_match(exporter: Exporter) -> None:
    for tag in ('"x"', "W/", '"', "x" * 5000):
        assert exporter.api("sync/1", headers={"If-None-Match": tag}).status_code == 200
    assert exporter.api("sync/1", headers={"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1, gzip;q=0.5", "*"])
def test_a_large_answer_is_compressed_for_clients_that_accept_gzip(
    exporter: Exporter, accepted: str
) -> None:
    plain = exporter.api("recent", headers={"Accept-Encoding": "identity"})
    with exporter.api("recent", headers={"Accept-Encoding": accepted}, stream=True) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept, Accept-Encoding"
        body = packed.raw.read(decode_content=False)
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Accept, Accept-Encoding"
    assert len(body) < len(plain.content)
    assert gzip.decompress(body) == plain.content
    assert packed.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("accepted", ["gzip;q=0", "br", "", "identity, *;q=0"])
def test_it_is_not_compressed_for_others(exporter: Exporter, accepted: str) -> None:
    answer = exporter.api("recent", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers


def test_a_small_answer_is_not_compressed(exporter: Exporter) -> None:
    answer = exporter.api("logs/search", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_head_has_the_headers_of_get(exporter: Exporter) -> None:
    head = exporter.request("HEAD", "/api/canvas/metrics/recent")
    get = exporter.api("recent")
    assert head.content == b""
    for header in ("ETag", "Cache-Control", "Content-Type", "Content-Encoding", "Vary"):
        assert head.headers[header] == get.headers[header]


def test_changes_and_health_are_never_cached(exporter: Exporter) -> None:
    cleaned = exporter.request(
        "POST", "/api/canvas/metrics/logs/cleanup", headers={"Content-Type": "application/json"}
    )
    for answer in (cleaned, exporter.api("health"), exporter.api("sync/999")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
