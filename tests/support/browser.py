"""A browser for the tests of a module.

Playwright keeps an event loop running while the browser is open, so that other tests of the same
worker could not call :func:`asyncio.run`. A module that opens a browser must not call it either.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["CHROMIUM", "browser"]

CHROMIUM: Final = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it tests are skipped, but with ``CI=true`` they fail."""
    from playwright.sync_api import sync_playwright  # most tests need no browser

    if not CHROMIUM.exists() and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
