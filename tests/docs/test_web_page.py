"""The page about the web pages names each of them."""

from __future__ import annotations

from canvas_sync_exporter.ui.pages import PAGES
from canvas_sync_exporter.ui.sessions import COOKIE
from support.markdown import DOCS, table

PAGE = DOCS / "how-to" / "web-page.md"


def test_each_page_is_documented() -> None:
    assert set(table(PAGE, "page")) == {f"/{page.path}" for page in PAGES}


def test_the_cookie_is_named() -> None:
    assert f"`{COOKIE}`" in PAGE.read_text(encoding="utf-8")
