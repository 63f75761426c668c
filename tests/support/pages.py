"""A served exporter with two weeks of syncs, and a browser that looks at its pages.

A conftest imports the fixtures. In the browser, wait with locators: ``wait_for_function`` evaluates
a text, which the policy of the pages forbids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import Configuration, full_configuration
from canvas_sync_exporter.ui import ui_blueprint
from canvas_sync_exporter.ui.page import Page as PageOfTable
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext

from .exporter_server import serving_as_exporter
from .page_history import make_history
from .tables import create_tables

__all__ = [
    "Served",
    "Watched",
    "axe_violations",
    "example_path",
    "follow",
    "serving_pages",
    "sign_in",
    "site",
    "watched",
]

EXAMPLES: Final = {"run_id": "1", "kind": "daily"}
"""Placeholder in the path of a page -> a value for which the history has something to show."""
_AXE: Final = Axe()
_ALL_RULES: Final = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
_COLOR_RULES: Final = ["color-contrast", "link-in-text-block"]


@dataclass(frozen=True, slots=True)
class Served:
    """A served exporter.

    Attributes:
        tokens: A token of each scope, by scope; empty without tokens.
        tokens_file: The file with their hashes.
    """

    url: str
    config: Configuration
    engine: Engine
    tokens: dict[Scope, str] = field(default_factory=dict)
    tokens_file: Path | None = None


@contextmanager
def serving_pages(
    folder: Path,
    *,
    with_tokens: bool = False,
    with_history: bool = True,
    history: Callable[[Engine, Configuration], None] = make_history,
    **settings: str,
) -> Iterator[Served]:
    """Serve an exporter whose files are in ``folder`` while the block runs.

    Args:
        folder: The folder.
        with_tokens: Whether there is a token of each scope.
        with_history: Whether there are runs, logs and incidents.
        history: Makes them.
        settings: More settings, by the names of their environment variables.
    """
    tokens: dict[Scope, str] = {}
    file = folder / "tokens"
    if with_tokens:
        for scope in Scope:
            tokens[scope], token = new_token(scope.value, scope)
            append_token(file, token)
        settings["CANVAS_SYNC_TOKENS_FILE"] = str(file)
    config = full_configuration({"CANVAS_SYNC_LOG_DIR": str(folder / "logs"), **settings})
    engine = open_engine(config.app.resolved_database_url)
    if with_history:
        history(engine, config)
    else:
        create_tables(engine)
    tokens_file = config.exporter.tokens_file
    context = WebContext(config, engine, Access(TokenFile(tokens_file) if tokens_file else None))
    pages = ui_blueprint(context, is_whole_app=True)
    app = create_app(context, CollectorRegistry(), pages)
    try:
        with serving_as_exporter(app) as url:
            yield Served(url, config, engine, tokens, tokens_file)
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter without tokens that tests only look at."""
    with serving_pages(tmp_path_factory.mktemp("site")) as served:
        yield served


@dataclass
class Watched:
    """A tab, and everything that went wrong in it.

    Attributes:
        complaints: What the console, the page or the policy complained about.
        requests: The URLs that it asked for.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def watched(browser: Browser, *, is_alone: bool = False, **options: Any) -> Iterator[Watched]:
    """Open a tab while the block runs; it finds neither cookies nor anything else that is stored.

    Args:
        browser: The browser.
        is_alone: Whether it needs a context of its own, because the test changes the context for
            good, as a simulated clock does.
        options: Those of ``new_context``: ``color_scheme``, ``viewport``, ``java_script_enabled``.
    """
    is_shared = not is_alone and options.keys() <= {"java_script_enabled", *_OF_ONE_TAB}
    context = (
        _shared_context(browser, has_scripts=options.pop("java_script_enabled", True))
        if is_shared
        else browser.new_context(**options)
    )
    tab = Watched(context.new_page())
    try:
        if is_shared:
            for name, value in options.items():
                _OF_ONE_TAB[name](tab.page, value)
        tab.page.on("console", lambda message: tab.complaints.append(message.text))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        yield tab
    finally:
        if is_shared:
            _forget(context, tab.requests)
        else:
            context.close()


_OF_ONE_TAB: Final[dict[str, Callable[[Page, Any], None]]] = {
    "color_scheme": lambda page, scheme: page.emulate_media(color_scheme=scheme),
    "viewport": lambda page, size: page.set_viewport_size(size),
}
"""Options of a context that a tab may have for itself, and what sets them."""


@cache
def _shared_context(browser: Browser, *, has_scripts: bool) -> BrowserContext:
    """Return the context of most tabs, whose first tab stays open.

    In a new context Chromium starts another process, and loads and compiles all scripts and styles
    again, which takes a third of the time of a small page.
    """
    context = browser.new_context(java_script_enabled=has_scripts)
    context.new_page()
    return context


def _forget(context: BrowserContext, urls: Iterable[str]) -> None:
    """Close all tabs but the first one, and remove all that pages have stored."""
    first, *others = context.pages
    for page in others:
        page.close()
    context.clear_cookies()
    storage = context.new_cdp_session(first)
    for origin in {urljoin(url, "/") for url in urls if url.startswith("http")}:
        storage.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    storage.detach()


def sign_in(site: Served, token: str, **headers: str) -> requests.Response:
    """Send the form for a token, and return the answer."""
    return requests.post(
        f"{site.url}/sign-in",
        data={"token": token},
        headers={"Origin": site.url, **headers},
        allow_redirects=False,
        timeout=30,
    )


def follow(link: Locator) -> None:
    """Click a link or a button that leads to another page, and wait until all of it is there.

    ``click`` alone returns as soon as the first part of the page has arrived.
    """
    with link.page.expect_navigation():
        link.click()


def example_path(page: PageOfTable) -> str:
    """Return a path of a page: placeholders are 1 unless :data:`EXAMPLES` has another value."""
    return re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda match: EXAMPLES.get(match[1], "1"), page.path)


def axe_violations(tab: Page, *, structure: bool = True, colors: bool = True) -> list[str]:
    """Return what axe-core finds on a page, one line for each rule.

    Args:
        tab: The page.
        structure: Check the rules about everything except colors.
        colors: Check the rules about colors, which takes three quarters of the time.
    """
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(_AXE.axe_script)
    rules = {
        "runOnly": _ALL_RULES if structure else {"type": "rule", "values": _COLOR_RULES},
        "rules": {each: {"enabled": colors} for each in _COLOR_RULES},
    }
    found = tab.evaluate("options => axe.run(options)", {**rules, "resultTypes": ["violations"]})
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
    ]
