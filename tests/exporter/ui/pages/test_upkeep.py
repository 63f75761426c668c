"""The page about logs, archives and the cleanup."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_exporter.web.auth import Scope
from support.pages import Served, serving_pages, watched
from support.prometheus import eventually


@pytest.fixture
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter with tokens and a rotated log."""
    with serving_pages(tmp_path_factory.mktemp("upkeep"), with_tokens=True) as served:
        live = served.config.app.log_dir / "api_calls.log"
        live.rename(live.with_name("api_calls.log.1"))
        yield served


def headers(served: Served, scope: Scope) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.tokens[scope]}"}


def test_an_admin_starts_a_cleanup_that_archives_what_was_rotated(
    rotated: Served, browser: Browser
) -> None:
    archive_folder = rotated.config.archive_folder
    assert not archive_folder.exists()
    with watched(browser) as tab:
        tab.page.goto(f"{rotated.url}/upkeep")
        tab.page.get_by_label("token").fill(rotated.tokens[Scope.ADMIN])
        tab.page.get_by_role("button", name="Sign in").click()
        backups = tab.page.locator("#logs tr", has_text="api_calls").locator("td").nth(1)
        expect(backups).to_have_text("1")
        tab.page.get_by_role("button", name="Clean up now").click()
        expect(tab.page.get_by_role("status").first).to_contain_text("The cleanup has started")
    eventually(lambda: list(archive_folder.glob("api_calls-*.tar.gz")), "the log is archived")


def test_a_reader_sees_the_page_but_cannot_start_a_cleanup(rotated: Served) -> None:
    page = requests.get(f"{rotated.url}/upkeep", headers=headers(rotated, Scope.READ), timeout=30)
    assert page.status_code == 200
    assert "Clean up now" not in page.text
    answer = requests.post(
        f"{rotated.url}/upkeep/cleanup", headers=headers(rotated, Scope.READ), timeout=30
    )
    assert answer.status_code == 403
    assert not rotated.config.archive_folder.exists()


def test_sizes_are_those_of_the_files(site: Served) -> None:
    data = requests.get(f"{site.url}/upkeep?format=json", timeout=30).json()["data"]
    sizes = {each["log"]: each["live_bytes"] for each in data["logs"]}
    folder = site.config.app.log_dir
    assert sizes == {log: (folder / f"{log}.log").stat().st_size for log in sizes}
    assert sum(sizes.values()) > 0
