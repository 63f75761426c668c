"""Who is answered without tokens."""

from __future__ import annotations

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from canvas_sync_exporter.web.access import Access, is_loopback
from canvas_sync_exporter.web.problems import ProblemError


def _request(host: str, peer: str) -> Request:
    environ = EnvironBuilder().get_environ()
    environ.update({"REMOTE_ADDR": peer, "HTTP_HOST": host})
    return Request(environ)


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1"]
)
def test_loopback_names_are_known(name: str) -> None:
    assert is_loopback(name)


@pytest.mark.parametrize(
    "name", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "127.0.0.1.example.org"]
)
def test_other_names_are_not_loopback(name: str) -> None:
    assert not is_loopback(name)


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]:5000"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_a_caller_on_this_machine_is_answered(host: str, peer: str) -> None:
    Access(None).require_local(_request(host, peer))


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("rebound.example.org", "127.0.0.1"),
        ("rebound.example.org:5000", "127.0.0.1"),
        ("[::1", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("localhost:5000", "10.0.0.7"),
        ("127.0.0.1", ""),
        ("localhost@example.org", "127.0.0.1"),
    ],
)
def test_a_foreign_name_or_address_is_refused(host: str, peer: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        Access(None).require_local(_request(host, peer))
    assert refusal.value.problem.status == 403
