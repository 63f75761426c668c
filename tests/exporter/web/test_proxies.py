"""What is believed of what proxies forward."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.settings import read
from canvas_sync_exporter.settings import ExporterSettings
from canvas_sync_exporter.web.proxies import TrustedProxies

PROXIES = tuple(map(ipaddress.ip_network, ("127.0.0.1", "10.0.0.0/8", "::1")))


def _seen(peer: str, **forwarded: str) -> dict[str, Any]:
    """The request as the app sees it."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        seen.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "HTTP_HOST": "inside:5000", "wsgi.url_scheme": "http"}
    for name, value in forwarded.items():
        environ[f"HTTP_X_FORWARDED_{name.upper()}"] = value
    list(TrustedProxies(app, PROXIES)(environ, lambda *_: lambda _: None))
    return seen


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:4711", "203.0.113.5"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1, 203.0.113.5", "203.0.113.5"),
        ("forged, 203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("203.0.113.5,10.1.2.3,10.3.2.1", "203.0.113.5"),
        ("10.1.2.3", "10.1.2.3"),
        ("unknown", "unknown"),
        ("203.0.113.5, _hidden", "unknown"),
        (" , 203.0.113.5", "203.0.113.5"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_not_a_trusted_proxy(
    hops: str, client: str
) -> None:
    for peer in ("127.0.0.1", "10.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert _seen(peer, **{"for": hops})["REMOTE_ADDR"] == client


def test_what_the_outermost_trusted_proxy_says_counts() -> None:
    seen = _seen(
        "127.0.0.1",
        **{"for": "203.0.113.5, 10.1.2.3"},
        proto="http, https, http",
        host="forged, canvas.example.edu, inner",
        prefix="/forged, /outer, /inner",
    )
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "canvas.example.edu"
    assert seen["SCRIPT_NAME"] == "/outer"


def test_headers_from_others_are_not_believed_and_do_not_reach_the_app() -> None:
    forwarded = {"for": "127.0.0.1", "proto": "https", "host": "evil", "prefix": "/evil"}
    for peer in ("203.0.113.5", "", "unknown", "11.0.0.1"):
        seen = _seen(peer, **forwarded)
        assert seen["REMOTE_ADDR"] == peer
        assert (seen["HTTP_HOST"], seen["wsgi.url_scheme"]) == ("inside:5000", "http")
        assert "SCRIPT_NAME" not in seen
        assert not [name for name in seen if "FORWARDED" in name]


@pytest.mark.parametrize(
    "prefix",
    ["//evil.example", "monitor", "/a//b", "/../x", "/a/./b", "/a b", "/<x>", "/a\\b", "/"],
)
def test_a_prefix_that_would_lead_elsewhere_is_not_used(prefix: str) -> None:
    assert "SCRIPT_NAME" not in _seen("127.0.0.1", prefix=prefix)


@pytest.mark.parametrize("prefix", ["/monitor", "/monitor/", "/a/b-c_d.e~f", "/m%20n"])
def test_a_prefix_is_used_without_its_last_slash(prefix: str) -> None:
    assert _seen("127.0.0.1", prefix=prefix)["SCRIPT_NAME"] == prefix.rstrip("/")


@given(
    st.fixed_dictionaries(
        {name: st.text(max_size=40) for name in ("for", "proto", "host", "prefix")}
    )
)
def test_no_header_breaks_a_request(forwarded: dict[str, str]) -> None:
    seen = _seen("127.0.0.1", **forwarded)
    assert seen["wsgi.url_scheme"] in ("http", "https")
    assert not seen.get("SCRIPT_NAME", "").startswith("//")


def test_trusted_proxies_are_addresses_and_networks() -> None:
    settings = read(ExporterSettings, {"CANVAS_SYNC_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,::1"})
    assert settings.trusted_proxies == PROXIES
    for raw in ("nginx", "10.0.0.0/33", "10.0.0.1/8", "*"):
        with pytest.raises(SettingsError, match=r"CANVAS_SYNC_TRUSTED_PROXIES: .* use addresses"):
            read(ExporterSettings, {"CANVAS_SYNC_TRUSTED_PROXIES": raw})
