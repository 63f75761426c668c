"""Open pages update themselves, and what a visitor is doing on them stays."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.incidents import incident
from support.pages import Served, serving_pages, watched
from support.runs import running, write

SOON = 60_000
"""Milliseconds; a page asks every five seconds."""


@pytest.fixture
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter without runs and incidents."""
    folder = tmp_path_factory.mktemp("changing")
    with serving_pages(folder, with_history=False) as served:
        yield served


def _hurry(page: Page) -> None:
    """Let a page ask now, as it does when it is shown again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_new_incident_and_a_new_run_appear_and_are_announced_once(
    changing: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(changing.url)
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        expect(tab.page.locator("#running")).to_contain_text("No sync is running.")
        write_incidents(changing.engine, [incident()])
        write(changing.engine, running("nightly-42", start_time=time.time() - 60))
        expect(tab.page.locator("#running")).to_contain_text("nightly-42", timeout=SOON)
        expect(tab.page.locator("[data-announcer]")).to_have_text("1 thing needs attention")
        expect(tab.page.get_by_role("link", name="The sync full fails.")).to_be_visible()
        assert tab.complaints == []


def test_an_unchanged_page_is_answered_by_304_and_stays_as_it_is(
    changing: Served, browser: Browser
) -> None:
    statuses: list[int] = []
    with watched(browser) as tab:
        tab.page.on("response", lambda answer: statuses.append(answer.status))
        tab.page.goto(f"{changing.url}/?from=2026-01-01&tz=UTC")
        tab.page.locator("#running").evaluate("element => { element.marked = true }")
        for _ in range(3):
            with tab.page.expect_response(re.compile(r"/\?from=")):
                _hurry(tab.page)
        assert statuses.count(304) >= 1
        assert tab.page.locator("#running").evaluate("element => element.marked")


def test_focus_open_details_and_typed_text_survive_an_update(
    changing: Served, browser: Browser
) -> None:
    write_incidents(changing.engine, [incident()])
    with watched(browser) as tab:
        tab.page.goto(f"{changing.url}/incidents")
        details = tab.page.locator("summary", has_text="Acknowledge")
        details.click()
        reason = tab.page.locator("#reason-1")
        reason.fill("half a sen")
        more = incident(IncidentKind.SLOW, summary="The sync full is slow.")
        write_incidents(changing.engine, [more])
        tab.page.locator("#pauses summary").click()
        _hurry(tab.page)
        expect(reason).to_have_value("half a sen")
        reason.fill("")
        tab.page.locator("#pauses summary").focus()
        expect(tab.page.get_by_text("The sync full is slow.")).to_be_visible(timeout=SOON)
        expect(reason).to_be_visible()
        expect(tab.page.locator("#pauses summary")).to_be_focused()


def test_updates_are_paused_and_resumed_by_button_and_key(
    changing: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(changing.url)
        button = tab.page.locator("[data-connection]")
        button.click()
        expect(button).to_have_text("Paused")
        expect(button).to_have_attribute("aria-pressed", "true")
        write(changing.engine, running("nightly-42", start_time=time.time() - 60))
        _hurry(tab.page)
        expect(tab.page.locator("#running")).to_contain_text("No sync is running.")
        tab.page.keyboard.press("p")
        expect(tab.page.locator("#running")).to_contain_text("nightly-42", timeout=SOON)
        expect(button).to_have_text("Live")


def test_a_hidden_page_asks_once_a_minute(changing: Served, browser: Browser) -> None:
    with watched(browser, is_alone=True) as tab:  # for the clock
        tab.page.clock.install()
        tab.page.goto(changing.url)
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        tab.page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
        _hurry(tab.page)
        before = len(tab.requests)
        tab.page.clock.run_for(59_000)
        assert tab.requests[before:] == []
        with tab.page.expect_response(re.compile(re.escape(changing.url))):
            tab.page.clock.run_for(2_000)


def test_a_lost_connection_is_shown_and_comes_back(changing: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(changing.url)
        button = tab.page.locator("[data-connection]")

        def refuse(route: Route) -> None:
            route.abort()

        tab.page.route("**/*", refuse)
        _hurry(tab.page)
        expect(button).to_have_text("No answer. Trying again.")
        tab.page.unroute("**/*", refuse)
        _hurry(tab.page)
        expect(button).to_have_text("Live")


def test_an_open_page_says_when_its_token_is_revoked(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    folder = tmp_path_factory.mktemp("revoked")
    with (
        serving_pages(folder, with_tokens=True, with_history=False) as served,
        watched(browser) as tab,
    ):
        tab.page.goto(served.url)
        tab.page.get_by_label("Access token").fill(served.tokens[Scope.READ])
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        assert served.tokens_file is not None
        served.tokens_file.unlink()
        append_token(served.tokens_file, new_token("another", Scope.READ)[1])
        _hurry(tab.page)
        expect(tab.page.locator("[data-connection]")).to_have_text("Signed out. Reload the page.")


def test_a_view_of_the_past_does_not_ask_again(changing: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{changing.url}/?from=2026-01-01&to=2026-01-02")
        expect(tab.page.get_by_role("heading", level=1)).to_be_visible()
        expect(tab.page.locator("[data-connection]")).to_be_hidden()
