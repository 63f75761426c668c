"""The host of a URL holds no part of the credentials before it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from canvas_sync_core.canvas.hosts import host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://sync:secret@canvas.test/api/v1/courses", "canvas.test"),
        ("https://sync:sec/ret@canvas.test/api/v1/courses", "sync"),
        ("https://sync:sec?ret@canvas.test/api/v1/courses", "sync"),
        ("https://canvas.test:8443/api/v1/courses", "canvas.test:8443"),
        ("https://[::1]:8443/api/v1/courses", "[::1]:8443"),
        ("https://[::1]/api/v1/courses", "[::1]"),
    ],
)
def test_a_password_with_a_slash_is_no_part_of_the_host(url: str, host: str) -> None:
    assert host_of(urlsplit(url)) == host
