"""What messages about incidents hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.judge.lapses import Lapse, lapsed
from canvas_sync_exporter.messages.content import Content, Fact, Link, Status
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import Event, IncidentWriter, Notice
from canvas_sync_exporter.messages.stored_content import LONGEST_TEXT, from_json, to_json
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import OPENED, incident

BERLIN = ZoneInfo("Europe/Berlin")
LINKS = LinkSettings(page_url="https://sync.example.edu/canvas")
NOW = OPENED + timedelta(minutes=34)
WHOLE = incident(
    id=17,
    summary="full failed for 40 of 50 users. Two more failed yesterday.",
    cause="Canvas answers 503.",
    affects=("full",),
    counts={"HTTP 503": 1038, "timeout": 2},
    runs=("nightly-2", "nightly-1"),
    run_count=1040,
    user_count=40,
    request_ids=("1a2b", "3c4d"),
)


PAUSE = Pause(frozenset({"full"}), NOW, NOW + timedelta(hours=2), "moving house", "ada")


def writer(links: LinkSettings = LINKS) -> IncidentWriter:
    """Return a writer with times in Berlin."""
    return IncidentWriter(Formats("en_GB", BERLIN), links)


def facts_of(content: Content) -> dict[str, str]:
    """Return all facts of a content."""
    return {fact.name: fact.value for section in content.sections for fact in section.facts}


def test_an_opened_incident_says_what_since_when_why_and_what_to_do() -> None:
    content = writer().write(Notice(WHOLE, Event.OPENED), NOW)
    assert content.title == "full failed for 40 of 50 users"
    assert content.summary == "Two more failed yesterday. Canvas answers 503."
    assert content.status is Status.CRITICAL
    assert facts_of(content) == {
        "Severity": "critical",
        "Since": "03:30 (34 min)",
        "Sync type": "full",
        "Runs": "1,040",
        "Users": "40",
        "Newest run": "nightly-2",
        "For Canvas support: X-Request-Context-Id": "1a2b, 3c4d",
    }
    causes = next(section.table for section in content.sections if section.table)
    assert causes.rows == (("HTTP 503", "1,038"), ("timeout", "2"))
    assert content.sections[-1].title == "What to do"
    assert content.footer == "Incident 17. Times are in Europe/Berlin (UTC+01:00)."


def test_links_lead_to_the_page_the_runbook_and_the_dashboard() -> None:
    odd = replace(WHOLE, sync_type="a/b&c")
    links = replace(LINKS, grafana_url="https://grafana.example.edu")
    assert writer(links).describe(odd, NOW).links == (
        Link("Incident", "https://sync.example.edu/canvas/incidents?number=17#incident-17"),
        Link("Newest run", "https://sync.example.edu/canvas/runs/task/nightly-2"),
        Link("Runbook", "https://sync.example.edu/canvas/runbooks/CanvasSyncFailing"),
        Link(
            "Dashboard",
            "https://grafana.example.edu/d/canvas-sync-runs?var-sync_type=a%2Fb%26c",
        ),
    )
    own = LinkSettings(runbook_url="https://wiki.example.edu")
    assert writer(own).describe(WHOLE, NOW).links == (
        Link("Runbook", "https://wiki.example.edu/CanvasSyncFailing"),
    )
    assert writer(LinkSettings()).describe(WHOLE, NOW).links == ()


def test_an_incident_that_a_pause_closed_names_the_pause() -> None:
    resolved = replace(WHOLE, resolved_at=NOW)
    content = writer().write(Notice(resolved, Event.RESOLVED, PAUSE), NOW)
    assert (content.title, content.status) == (
        "Paused: full failed for 40 of 50 users",
        Status.NEUTRAL,
    )
    assert content.summary == (
        "No run is expected until 06:04 (ada: moving house), so this incident is closed. "
        "The sync has not recovered. Cause: Canvas answers 503."
    )
    of_file = replace(PAUSE, author=None)
    again = writer().write(Notice(replace(resolved, cause=""), Event.RESOLVED, of_file), NOW)
    assert "(moving house)" in again.summary
    assert again.summary.endswith("The sync has not recovered.")


def test_a_resolved_incident_says_how_long_it_lasted_and_not_what_to_do() -> None:
    resolved = replace(WHOLE, resolved_at=NOW)
    content = writer().write(Notice(resolved, Event.RESOLVED), NOW + timedelta(minutes=2))
    assert content.title == "Recovered after 34 min: full failed for 40 of 50 users"
    assert content.summary == (
        "The problem is over. Two more failed yesterday. Cause: Canvas answers 503."
    )
    assert content.status is Status.GOOD
    assert facts_of(content) | {"Since": "03:30", "Until": "04:04"} == facts_of(content)
    assert facts_of(content)["Last affected run"] == "nightly-2"
    assert content.links[1].text == "Last affected run"
    assert "Newest run" not in facts_of(content)
    assert "What to do" not in {section.title for section in content.sections}


def test_an_incident_that_ended_without_a_recovery_says_so() -> None:
    resolved = lapsed(replace(WHOLE, resolved_at=NOW), Lapse.NO_RUN)
    notice = Notice(resolved, Event.RESOLVED)
    content = writer().write(notice, NOW)
    assert (content.title, content.status) == (
        "Closed after 34 min: full failed for 40 of 50 users",
        Status.NEUTRAL,
    )
    assert content.summary == (
        "This incident is closed, but nothing has recovered. Two more failed yesterday. "
        "No run has followed. Cause: Canvas answers 503."
    )
    assert writer().digest([notice] * 2, NOW).title == "2 more incidents: all closed"


@pytest.mark.parametrize(
    ("event", "title"),
    [(Event.WORSE, "Worse: full failed"), (Event.BACK, "Back again: full failed")],
)
def test_the_title_says_what_has_happened(event: Event, title: str) -> None:
    assert writer().write(Notice(WHOLE, event), NOW).title.startswith(title)


def test_many_causes_and_sync_types_are_cut_with_their_number() -> None:
    many = replace(
        WHOLE,
        counts={f"cause {number}": 10 - number for number in range(9)},
        affects=tuple(f"type-{number:02}" for number in range(30)),
    )
    content = writer().describe(many, NOW)
    causes = next(section.table for section in content.sections if section.table)
    assert causes.rows[-1] == ("4 other causes", "14")
    assert len(causes.rows) == 6
    assert facts_of(content)["Sync types"].endswith("type-09 and 20 more")


def test_an_incident_of_an_unknown_kind_is_described_too() -> None:
    newer = replace(WHOLE, kind="of_a_newer_version")
    content = writer().describe(newer, NOW)
    assert content.title == "full failed for 40 of 50 users"
    assert [link.text for link in content.links] == ["Incident", "Newest run"]


def test_links_of_an_incident_without_a_number_or_with_an_odd_task_id_lead_to_pages() -> None:
    odd = replace(WHOLE, id=None, runs=("a/b #1",))
    assert writer().describe(odd, NOW).links[:2] == (
        Link("Incidents", "https://sync.example.edu/canvas/incidents"),
        Link("Newest run", "https://sync.example.edu/canvas/runs/task/a%2Fb%20%231"),
    )


def test_many_incidents_share_one_message() -> None:
    warning = incident(
        IncidentKind.SLOW, summary="grades was slow.", severity=Severity.WARNING, since=OPENED
    )
    over = replace(WHOLE, resolved_at=NOW)
    notices = [
        *[Notice(WHOLE, Event.OPENED)] * 40,
        Notice(warning, Event.WORSE),
        Notice(over, Event.RESOLVED),
    ]
    content = writer().digest(notices, NOW)
    assert content.title == "42 more incidents: 40 new, 1 worse, 1 recovered"
    assert content.status is Status.CRITICAL
    (section,) = content.sections
    assert section.table is not None
    assert section.table.rows[0] == ("full failed for 40 of 50 users", "new", "03:30")
    assert len(section.table.rows) == len(section.table.statuses) == 30
    assert section.paragraphs == ("And 12 more incidents.",)
    two = writer().digest(notices[-1:] * 2, NOW)
    assert (two.title, two.status) == ("2 more incidents: all recovered", Status.GOOD)
    assert writer().digest(notices[:3], NOW).title == "3 more incidents: all new"
    paused = writer().digest([replace(notices[-1], pause=PAUSE), notices[0]], NOW)
    assert paused.title == "2 more incidents: 1 new, 1 paused"


@pytest.mark.parametrize("event", [Event.OPENED, Event.WORSE, Event.RESOLVED])
def test_a_single_incident_is_named_even_if_it_comes_after_many_others(event: Event) -> None:
    notice = Notice(replace(WHOLE, resolved_at=NOW if event is Event.RESOLVED else None), event)
    assert writer().digest([notice], NOW) == writer().write(notice, NOW)


def test_contents_are_stored_and_read_back() -> None:
    content = writer().write(Notice(WHOLE, Event.OPENED), NOW)
    assert from_json(to_json(content)) == content


def test_long_texts_are_cut_with_a_mark_and_control_characters_escaped() -> None:
    long = replace(WHOLE, summary="x" * 3_000_000, cause="a\x00b\u202ec\ud800")
    stored = from_json(to_json(writer().describe(long, NOW)))
    assert len(stored.title) == LONGEST_TEXT
    assert stored.title.endswith("x… (cut, 3,000,000 characters)")
    assert stored.summary == r"a\x00b\u202ec\ud800"
    assert Fact("Severity", "critical") in stored.sections[0].facts
