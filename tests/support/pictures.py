"""The pages of the tutorial "last night's sync failed": how one gets there, and their pictures.

``make pictures`` runs this module. Beside each picture it stores the text of the page, with which
a test compares the page as it is now.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import time_machine
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, expect, sync_playwright

from .browser import launch
from .last_night import MORNING, make_last_night
from .markdown import DOCS
from .pages import follow, serving_pages, watched

__all__ = ["FOLDER", "last_night", "page_text", "stops"]

FOLDER: Final = DOCS / "tutorials" / "last-nights-sync"
_SIZE: Final[ViewportSize] = {"width": 1200, "height": 700}


@contextmanager
def last_night(folder: Path, browser: Browser) -> Iterator[Page]:
    """Open the overview on the morning after, while the block runs; the clock stands still."""
    with (
        time_machine.travel(MORNING, tick=False),
        serving_pages(folder, history=make_last_night, CANVAS_SYNC_TIMEZONE="UTC") as served,
        watched(browser, viewport=_SIZE, color_scheme="light", timezone_id="UTC") as tab,
    ):
        tab.page.goto(f"{served.url}/?from=24h")
        yield tab.page


def stops(page: Page) -> Iterator[str]:
    """Follow the tutorial; give the name of each of its pictures while the page shows it."""
    yield _ready(page, "overview")
    follow(page.locator("#attention").get_by_role("link").first)
    yield _ready(page, "incident")
    follow(page.get_by_role("link", name="full-03-02"))
    yield _ready(page, "run")
    follow(page.locator("#lines li", has_text="Status: 502").first.get_by_role("link"))
    page.locator("#line").evaluate("each => each.scrollIntoView({block: 'center'})")
    yield _ready(page, "line")
    follow(page.get_by_role("link", name="Overview"))
    follow(page.locator("#errors").get_by_role("link", name="http_502", exact=True))
    yield _ready(page, "error")
    follow(page.get_by_role("link", name="Incidents"))
    page.locator("summary", has_text="Acknowledge").click()
    page.get_by_label("Why it may stay quiet").fill(
        "Canvas was down until 02:40; run again by hand"
    )
    follow(page.get_by_role("button", name="Acknowledge"))
    yield _ready(page, "acknowledged")


def page_text(page: Page) -> str:
    """Return the text of a page as a person sees it, one line for each block."""
    lines = (line.strip() for line in page.locator("main").inner_text().splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def _ready(page: Page, name: str) -> str:
    """Wait until the scripts have shown what they show, and return the name."""
    expect(page.locator("[data-help]")).to_be_visible()
    return name


def _clip(page: Page) -> FloatRect:
    """Return the part of the window that has content."""
    height = page.locator("footer").evaluate(
        "each => Math.ceil(each.getBoundingClientRect().bottom)"
    )
    size = page.viewport_size or _SIZE
    return {"x": 0, "y": 0, "width": size["width"], "height": min(height, size["height"])}


def main() -> None:
    """Take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        with last_night(Path(folder), browser) as page:
            for name in stops(page):
                page.screenshot(
                    path=FOLDER / f"{name}.png", animations="disabled", clip=_clip(page)
                )
                (FOLDER / f"{name}.txt").write_text(page_text(page), encoding="utf-8")
                print(f"{FOLDER.name}/{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
