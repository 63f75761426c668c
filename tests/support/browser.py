"""A browser for all tests of a worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

__all__ = ["browser", "launch"]

_PROGRAMS: Final = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
"""Debian's Chromium; the one without a user interface opens a tab in a fraction of the time."""

_PATIENCE_MS: Final = 60_000
"""How long an expectation may take to come true on a busy machine."""


def launch(playwright: Playwright) -> Browser:
    """Open the browser; without Debian's Chromium, Playwright says that there is none."""
    program = next((each for each in _PROGRAMS if each.exists()), None)
    # One process for all tabs: the start of another one takes a fifth of the time of a small page.
    arguments = ["--no-sandbox", "--disable-gpu", "--renderer-process-limit=1"]
    return playwright.chromium.launch(executable_path=program, args=arguments)


@pytest.fixture(scope="session")
def _chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """The browser, and Playwright's event loop, which runs while the browser is open."""
    from playwright.sync_api import expect, sync_playwright  # most tests need no browser

    if not any(each.exists() for each in _PROGRAMS) and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = launch(playwright)
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def browser(_chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """Chromium; without it tests are skipped, but with ``CI=true`` they fail.

    Playwright's loop counts as running only during a test that uses the browser: the other tests
    of the same worker could not call :func:`asyncio.run`.
    """
    browser, loop = _chromium
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)
