"""The pages about reverse proxies: what their configuration must say for the pages to be safe.

The configuration of nginx is tried with a real nginx. Caddy and oauth2-proxy are not part of
Debian, so these tests read what they are told.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from canvas_sync_core.settings import Settings, describe
from canvas_sync_exporter.settings import ExporterSettings
from support.markdown import DOCS, blocks

CADDY = DOCS / "how-to" / "caddy.md"
OAUTH2_PROXY = DOCS / "how-to" / "oauth2-proxy.md"
ROOT_SITE, SITE_WITH_PATH = blocks(CADDY, "caddyfile")
(SIGN_IN_SITE,) = blocks(OAUTH2_PROXY, "caddyfile")
(PROXY_SETTINGS,) = map(tomllib.loads, blocks(OAUTH2_PROXY, "toml"))
DEFAULTS = {one.env: one.default for cls in (Settings, ExporterSettings) for one in describe(cls)}


def body_of(directive: str, site: str) -> list[str]:
    """Return the lines in the braces of a directive, without indentation."""
    found = re.search(
        rf"^( *){re.escape(directive)} \{{\n(.*?)^\1\}}", site, re.DOTALL | re.MULTILINE
    )
    assert found, directive
    return [line.strip() for line in found[2].splitlines()]


EXPORTER = f"reverse_proxy 127.0.0.1:{DEFAULTS['CANVAS_SYNC_EXPORTER_PORT']}"


@pytest.mark.parametrize("site", [ROOT_SITE, SIGN_IN_SITE], ids=["Caddy", "oauth2-proxy"])
def test_a_client_cannot_say_below_which_path_the_pages_are(site: str) -> None:
    assert "header_up -X-Forwarded-Prefix" in body_of(EXPORTER, site)


def test_below_a_path_the_exporter_gets_the_path_that_was_removed() -> None:
    removed = re.search(r"handle_path (/\S+)/\*", SITE_WITH_PATH)
    assert removed
    assert f"header_up X-Forwarded-Prefix {removed[1]}" in body_of(EXPORTER, SITE_WITH_PATH)
    assert f"redir {removed[1]} {removed[1]}/" in SITE_WITH_PATH


def test_the_token_of_the_proxy_replaces_that_of_the_browser_and_only_reads() -> None:
    text = OAUTH2_PROXY.read_text(encoding="utf-8")
    file = re.search(r"alone, into `(/\S+)`", text)
    assert file
    header = f'header_up Authorization "Bearer {{file.{file[1]}}}"'
    assert header in body_of(EXPORTER, SIGN_IN_SITE)
    assert "token new --name sso --scope read" in text


def test_each_request_is_asked_about_where_oauth2_proxy_listens_for_caddy_alone() -> None:
    address = PROXY_SETTINGS["http_address"]
    guarded = body_of("handle", SIGN_IN_SITE)
    assert guarded.index(f"forward_auth {address} {{") < guarded.index(f"{EXPORTER} {{")
    assert body_of("handle /oauth2/*", SIGN_IN_SITE) == [f"reverse_proxy {address}"]
    assert SIGN_IN_SITE.count(EXPORTER) == 1
    assert address.startswith("127.0.0.1:")
    assert PROXY_SETTINGS["reverse_proxy"] is True
    assert set(PROXY_SETTINGS["trusted_proxy_ips"]) == {"127.0.0.1", "::1"}
    assert PROXY_SETTINGS["upstreams"] == ["static://202"]


def test_secrets_are_in_files() -> None:
    secrets = {key: value for key, value in PROXY_SETTINGS.items() if "secret" in key}
    assert secrets
    assert all(key.endswith("_file") for key in secrets)


@pytest.mark.parametrize("page", [CADDY, OAUTH2_PROXY], ids=lambda page: str(page.name))
def test_the_exporter_has_tokens_and_trusts_the_proxy(page: Path) -> None:
    exported = "\n".join(blocks(page, "console"))
    named = dict(re.findall(r"(CANVAS_SYNC_\w+)=(\S+)", exported))
    assert named.keys() == {"CANVAS_SYNC_TOKENS_FILE", "CANVAS_SYNC_TRUSTED_PROXIES"}
    assert named.keys() <= DEFAULTS.keys()
    assert named["CANVAS_SYNC_TRUSTED_PROXIES"] == "127.0.0.1,::1"
