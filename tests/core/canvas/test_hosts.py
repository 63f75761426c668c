"""The host of a URL, without the credentials before it, and whether it is a chosen one."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from canvas_sync_core.canvas.hosts import host_of, is_one_of


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
def test_a_password_with_a_slash_is_not_part_of_the_host(url: str, host: str) -> None:
    assert host_of(urlsplit(url)) == host


@pytest.mark.parametrize(
    ("url", "hosts", "is_chosen"),
    [
        ("https://canvas.test/api/v1/courses", {"canvas.test"}, True),
        ("https://canvas.test/api/v1/courses", {"canvas.test:443"}, True),
        ("http://canvas.test/api/v1/courses", {"canvas.test:443"}, False),
        ("https://canvas.test:8443/api/v1/courses", {"canvas.test"}, True),
        ("https://canvas.test:8443/api/v1/courses", {"canvas.test:8443"}, True),
        ("https://canvas.test:8444/api/v1/courses", {"canvas.test:8443"}, False),
        ("https://other.test/api/v1/courses", {"canvas.test"}, False),
    ],
)
def test_a_host_that_is_chosen_with_a_port_is_chosen_only_with_that_port(
    url: str, hosts: set[str], is_chosen: bool
) -> None:
    assert is_one_of(urlsplit(url), hosts) is is_chosen
