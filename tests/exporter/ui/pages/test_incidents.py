"""Incidents: acknowledging and pausing by forms, also without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from canvas_sync_core.store.incidents.writing import write_incidents
from support.incidents import incident
from support.pages import Served, axe_violations, follow, serving_pages, watched


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
    assert " data-poll" not in answer.text  # the address of the action cannot be asked for again


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


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Served]:
    """An exporter with 100 open incidents, each as long as the judge makes them."""
    moment = datetime.now(UTC)
    times: dict[str, Any] = {"since": moment, "opened_at": moment, "updated_at": moment}
    with serving_pages(tmp_path, with_history=False) as served:
        write_incidents(
            served.engine,
            [
                incident(
                    subject=f"sync-{number}",
                    summary=f"Incident {number}: {'s' * 980}",
                    cause="c" * 1000,
                    counts={f"{cause} {'e' * 190}": 7 for cause in range(10)},
                    runs=tuple(f"run-{run}-{'r' * 180}" for run in range(20)),
                    run_count=400,
                    request_ids=tuple(f"{each}{'f' * 35}" for each in range(5)),
                    **times,
                )
                for number in range(1, 101)
            ],
        )
        yield served


def test_many_long_incidents_come_in_small_pages_that_say_what_they_leave_out(
    crowded: Served, browser: Browser
) -> None:
    assert len(requests.get(f"{crowded.url}/incidents", timeout=30).content) <= 60_000
    with watched(browser, viewport={"width": 360, "height": 900}) as tab:
        tab.page.goto(f"{crowded.url}/incidents")
        current = tab.page.locator("#current")
        expect(current.get_by_role("heading", level=2)).to_contain_text("100 open")
        expect(current.locator("article")).to_have_count(10)
        expect(current.locator("nav")).to_contain_text("1 to 10 of 100, worst first")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
        follow(current.get_by_role("link", name="90 more incidents"))
        expect(current.locator("nav")).to_contain_text("11 to 20 of 100")
        expect(current.get_by_role("link", name="Worse incidents")).to_be_visible()
        assert axe_violations(tab.page) == []
    last = requests.get(f"{crowded.url}/incidents?skip=95&format=json", timeout=30).json()["data"]
    assert (len(last["current"]), last["before"], last["open"]) == (5, 95, 100)


def test_the_link_to_an_incident_shows_it_wherever_it_is_in_the_list(
    crowded: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{crowded.url}/incidents?number=77#incident-77")
        expect(tab.page.locator("#chosen > h2")).to_have_text("Incident 77")
        expect(tab.page.locator("#chosen :target")).to_contain_text("Acknowledge incident 77")
        tab.page.goto(f"{crowded.url}/incidents?number=3#incident-3")  # also on the first page
        expect(tab.page.locator("#incident-3")).to_have_count(1)
        tab.page.locator("#acknowledge-3 summary").click()
        tab.page.locator("#acknowledge-3").get_by_label("Why it may stay quiet").fill(" ")
        follow(tab.page.locator("#acknowledge-3").get_by_role("button"))
        expect(tab.page.locator("#chosen #incident-3")).to_be_visible()


def test_an_incident_about_canvas_leads_to_the_calls_of_its_time(
    site: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/incidents")
        failing, _, throttled = tab.page.locator("#current .incident").all()
        expect(failing.get_by_role("link", name="Calls to Canvas")).to_have_count(0)
        since = throttled.locator("time").first.get_attribute("datetime") or ""
        follow(throttled.get_by_role("link", name="Calls to Canvas"))
        before = datetime.fromisoformat(since) - timedelta(minutes=15)
        expect(tab.page.locator("#range summary")).to_contain_text(f"{before:%Y-%m-%d %H:%M}")


def test_a_form_about_no_incident_is_refused_without_an_error_of_the_page(site: Served) -> None:
    answer = requests.post(
        f"{site.url}/incidents/1/acknowledge",
        data={"reason": " ", "incident": "9" * 40},
        headers={"Origin": site.url},
        timeout=30,
    )
    assert answer.status_code == 422
