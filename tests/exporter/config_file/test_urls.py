"""URLs of the configuration file, which may contain a key: no message repeats one."""

from __future__ import annotations

import pytest

from canvas_sync_exporter.config_file.urls import base_url, http_url


@pytest.mark.parametrize(
    "url",
    [
        "https://canvas-sync.example.edu",
        "http://localhost:5000/a?b=c#d",
        "https://user:key@example.edu/ping",
        "https://[::1]:8443/",
    ],
)
def test_a_url_that_can_be_called_is_kept_as_it_is(url: str) -> None:
    assert http_url(url) == url


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("ftp://secret.example.edu", "begins with https://"),
        ("secret.example.edu/x", "begins with https://"),
        ("https:///secret", "begins with https://"),
        ("https://secret.example.edu/\n", "begins with https://"),
        ("https://secret.example.edu:port/", "host or port is invalid"),
        ("https://[secret/", "host or port is invalid"),
        ("https://secret.example.edu/a b", "percent-encoded"),
        ("https://secret.example.edu/ü", "percent-encoded"),
    ],
)
def test_any_other_text_is_refused_without_repeating_it(url: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as refused:
        http_url(url)
    assert "secret" not in str(refused.value)


def test_paths_can_be_added_to_a_base_url() -> None:
    assert base_url("https://example.edu/sync//") == "https://example.edu/sync"
    for url in (
        "https://e.edu/?a",
        "https://e.edu/#a",
        "https://user@e.edu/",
        "https://:key@e.edu",
    ):
        with pytest.raises(ValueError, match="paths are added to it"):
            base_url(url)
