"""URLs of services that notice when calls stay away."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.ping_url import below


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/key", "https://a.example/key/fail"),
        ("https://a.example/key/", "https://a.example/key/fail"),
        ("https://a.example", "https://a.example/fail"),
        ("https://a.example:8000/ping/key?rid=1", "https://a.example:8000/ping/key/fail?rid=1"),
    ],
)
def test_the_failing_url_has_fail_behind_its_path(url: str, expected: str) -> None:
    assert below(url, "fail") == expected
