"""Incidents: acknowledging and pausing by forms, also without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.incident import IncidentState
from canvas_sync_core.store.incidents.reading import (
    IncidentFilter,
    incident_by_id,
    incident_page,
    open_incidents,
)
from support.pages import Served, axe_violations, serving_pages, watched


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter whose incidents and pauses the tests change."""
    with serving_pages(tmp_path_factory.mktemp("changing")) as served:
        yield served


@pytest.mark.parametrize("with_javascript", [True, False])
def test_an_incident_is_acknowledged_with_a_reason(
    changing: Served, browser: Browser, with_javascript: bool
) -> None:
    before = [each for each in open_incidents(changing.engine) if each.state == "open"]
    with watched(browser, java_script_enabled=with_javascript) as tab:
        tab.page.goto(f"{changing.url}/incidents?tz=Europe/Berlin")
        article = tab.page.locator(f"#incident-{before[0].id}")
        article.locator("summary").click()
        reason = article.get_by_label("Why it may stay quiet")
        reason.fill(" \t ")
        article.get_by_role("button").last.click()
        expect(tab.page.get_by_role("alert")).to_contain_text("Nothing was changed.")
        expect(reason).to_be_visible()
        if with_javascript:
            assert axe_violations(tab.page) == []
        reason.fill("Canvas knows <b>it</b>")
        article.get_by_role("button").last.click()
        expect(tab.page.locator(".notice")).to_contain_text("The incident is acknowledged")
        expect(article).to_contain_text("Acknowledged by local")
        expect(article).to_contain_text("Canvas knows <b>it</b>")
        expect(tab.page.get_by_text("Times are in Europe/Berlin")).to_be_visible()
        if with_javascript:
            expect(tab.page).to_have_url(f"{changing.url}/incidents?tz=Europe%2FBerlin")
        assert [each for each in tab.complaints if "status of 422" not in each] == []
    found = incident_by_id(changing.engine, before[0].id or 0)
    assert found is not None
    assert found.state is IncidentState.ACKNOWLEDGED


def test_what_was_typed_stays_when_a_pause_is_wrong_and_the_pause_can_be_ended(
    changing: Served, browser: Browser
) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{changing.url}/incidents")
        tab.page.get_by_text("Pause syncs").click()
        form = tab.page.locator("#new-pause")
        form.get_by_label("Sync types").fill("full, grades")
        form.get_by_label("Until").fill("soon")
        form.get_by_label("Why").fill("Holidays")
        form.get_by_role("button").click()
        expect(form.locator(".wrong")).to_contain_text("write a time such as")
        expect(form.get_by_label("Sync types")).to_have_value("full, grades")
        expect(form.get_by_label("Why")).to_have_value("Holidays")
        form.get_by_label("Until").fill("36h")
        form.get_by_role("button").click()
        expect(tab.page.locator(".notice")).to_have_text("The pause is set.")
        row = tab.page.locator("#pauses li", has_text="Holidays")
        expect(row).to_contain_text("full, grades")
        row.get_by_role("button").click()
        expect(tab.page.locator(".notice")).to_have_text("The pause has ended.")
        expect(row).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("incidents/999999/acknowledge", {"reason": "because"}, 404),
        ("incidents/1/acknowledge", {"reason": "x" * 501}, 422),
        ("incidents/1/acknowledge", {}, 422),
        ("pauses/999999/end", {}, 404),
        ("pauses", {"until": "2h"}, 422),
        ("pauses", {"until": "2020-01-01", "reason": "x"}, 422),
        ("pauses", {"until": "9" * 400 + "d", "reason": "x"}, 422),
        ("pauses", {"until": "2h", "from": "\0", "reason": "x"}, 422),
        ("pauses", {"until": "2h", "sync_types": "a\0b", "reason": "x"}, 422),
        ("incidents/99999999999999999999999/acknowledge", {"reason": "because"}, 404),
    ],
)
def test_a_form_that_cannot_be_used_changes_nothing_and_says_why(
    changing: Served, path: str, data: dict[str, str], status: int
) -> None:
    answer = requests.post(
        f"{changing.url}/{path}", data=data, headers={"Origin": changing.url}, timeout=30
    )
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


def test_a_resolved_incident_is_not_acknowledged(changing: Served) -> None:
    page = incident_page(changing.engine, IncidentFilter(IncidentState.RESOLVED), 1)
    answer = requests.post(
        f"{changing.url}/incidents/{page.items[0].id}/acknowledge",
        data={"reason": "because"},
        headers={"Origin": changing.url},
        timeout=30,
    )
    assert answer.status_code == 409
    assert "has been resolved meanwhile" in answer.text


def test_incidents_are_filtered_by_kind_and_sync_type(site: Served) -> None:
    def current(query: str) -> list[str]:
        answer = requests.get(f"{site.url}/incidents?format=json&{query}", timeout=30).json()
        return [each["kind"] for each in answer["data"]["current"]]

    assert current("") == ["failing", "stale_items", "throttled"]
    assert current("sync_type=full") == ["failing"]
    assert current("kind=throttled") == ["throttled"]
