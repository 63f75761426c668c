"""Keys, copying and time zones."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from support.pages import Served, watched


def test_the_list_of_keys_names_those_of_the_page_and_switches_them_off(
    site: Served, browser: Browser
) -> None:
    with watched(browser, timezone_id="Europe/Berlin") as tab:
        tab.page.goto(site.url)
        tab.page.keyboard.press("?")
        keys = tab.page.locator("#keys")
        expect(keys).to_contain_text("Next row")
        expect(keys).to_contain_text("Pause or resume live updates")
        expect(keys).to_contain_text("last 7 days")
        keys.get_by_role("checkbox").uncheck()
        tab.page.keyboard.press("Escape")
        tab.page.keyboard.press("p")
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        tab.page.reload()
        tab.page.keyboard.press("p")
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        tab.page.get_by_role("button", name="Keys").click()
        keys.get_by_role("checkbox").check()
        tab.page.keyboard.press("Escape")
        tab.page.keyboard.press("p")
        expect(tab.page.locator("[data-connection]")).to_have_text("Paused")


def test_rows_are_walked_with_j_and_k(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(site.url)
        rows = tab.page.locator("[data-row]")
        for key, place in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
            tab.page.keyboard.press(key)
            expect(rows.nth(place)).to_be_focused()


def test_keys_are_left_alone_while_a_visitor_types(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(site.url)
        tab.page.keyboard.press("r")
        field = tab.page.get_by_label("From")
        field.fill("")
        field.press_sequentially("p?j 36h")
        expect(field).to_have_value("p?j 36h")
        expect(tab.page.locator("#keys")).to_be_hidden()
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")


def test_one_key_goes_to_the_browsers_time_zone_and_back(site: Served, browser: Browser) -> None:
    with watched(browser, timezone_id="Asia/Tokyo") as tab:
        tab.page.goto(f"{site.url}/incidents?kind=failing")
        tab.page.keyboard.press("z")
        expect(tab.page).to_have_url(f"{site.url}/incidents?kind=failing&tz=Asia%2FTokyo")
        expect(tab.page.locator(".foot")).to_contain_text("Times are in Asia/Tokyo.")
        tab.page.keyboard.press("z")
        expect(tab.page.locator(".foot")).to_contain_text("Times are in UTC.")


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_request_id_is_copied_or_the_page_says_that_it_cannot(
    site: Served, browser: Browser, is_allowed: bool
) -> None:
    permissions = ["clipboard-read", "clipboard-write"] if is_allowed else []
    with watched(browser, permissions=permissions) as tab:
        if not is_allowed:
            tab.page.add_init_script("delete Navigator.prototype.clipboard")
        tab.page.goto(f"{site.url}/incidents")
        tab.page.locator("[data-copy]").first.click()
        expected = "Copied: 1f0c3a52" if is_allowed else "The browser does not allow copying."
        expect(tab.page.locator("[data-announcer]")).to_contain_text(expected)
        if is_allowed:
            copied = tab.page.evaluate("navigator.clipboard.readText()")
            assert copied == "1f0c3a52-9a74-4a7e-8d30-5b6f0a3f2f10"


def test_a_link_with_fixed_times_is_copied(site: Served, browser: Browser) -> None:
    with watched(browser, permissions=["clipboard-read", "clipboard-write"]) as tab:
        tab.page.goto(f"{site.url}/?from=24h")
        tab.page.locator("#range summary").click()
        tab.page.locator("[data-copy-link]").click()
        expect(tab.page.locator("[data-copy-link]")).to_have_text("Copied")
        copied = tab.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"{site.url}/?from=2")
        assert copied.endswith("tz=UTC")
