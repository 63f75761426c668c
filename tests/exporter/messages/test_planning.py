"""Which messages about incidents are sent: a simulated clock, real tables, a real receiver."""

from __future__ import annotations

from datetime import timedelta

from canvas_sync_core.names import IncidentKind, MessageState, Severity
from canvas_sync_core.store.incidents.reading import open_incidents
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_exporter.messages.planning import BACK_AFTER
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import OPENED
from support.messaging_school import WARNING, School


def test_an_incident_is_announced_when_it_opens_gets_worse_and_resolves(school: School) -> None:
    opened = school.open(severity=WARNING, cause="Canvas answers 503.")
    assert school.titles() == ["The sync full fails"]
    school.clock.advance(minutes=30)
    worse = {"severity": Severity.CRITICAL, "worsened_at": school.clock.now}
    worsened = school.change(opened, **worse)
    assert school.titles() == ["Worse: The sync full fails"]
    school.clock.advance(minutes=31)
    school.resolve(worsened)
    assert school.titles() == ["Recovered after 63 min: The sync full fails"]
    first, second, third = school.received.received
    assert (first["summary"], first["status"]) == ("Canvas answers 503.", "warning")
    assert (second["status"], third["status"]) == ("critical", "good")
    assert [each["thread"] for each in (first, second, third)] == [None, "message-1", "message-1"]
    assert third["first"] == third["title"]


def test_an_incident_that_a_pause_closed_is_not_reported_as_recovered(school: School) -> None:
    opened = school.open()
    school.titles()
    begin = school.clock.now
    pause = Pause(frozenset({"full"}), begin, begin + timedelta(days=1), "moving house", "ada")
    school.exporter.pauses = [pause]
    school.clock.advance(minutes=1)
    school.resolve(opened)
    assert school.titles() == ["Paused: The sync full fails"]
    _, last = school.received.received
    assert (last["first"], last["status"]) == (last["title"], "neutral")
    assert "(ada: moving house)" in last["summary"]


def test_an_exporter_that_was_stopped_announces_the_end_of_an_incident(school: School) -> None:
    opened = school.open()
    school.titles()
    school.clock.advance(hours=30)
    school.resolve(opened)
    school.clock.advance(hours=30)
    assert school.titles(school.start()) == ["Recovered after 30 h: The sync full fails"]


def test_what_began_and_ended_while_nobody_sent_messages_is_not_announced(
    school: School,
) -> None:
    school.resolve(school.open())
    assert school.titles() == []


def test_an_acknowledged_incident_is_silent_until_it_gets_worse(school: School) -> None:
    opened = school.open(severity=WARNING, run_count=10)
    assert len(school.titles()) == 1
    school.acknowledge(opened)
    (known,) = open_incidents(school.engine)
    more = school.change(known, run_count=11)
    assert school.titles() == []
    worsened = school.change(more, run_count=40, worsened_at=school.clock.now)
    assert school.titles() == ["Worse: The sync full fails"]
    (known,) = open_incidents(school.engine)
    school.resolve(known)
    assert len(school.titles()) == 1
    assert worsened.run_count == 40


def test_the_end_of_an_acknowledged_incident_is_not_announced(school: School) -> None:
    opened = school.open()
    school.titles()
    school.resolve(school.acknowledge(opened))
    assert school.titles() == []


def test_a_message_that_still_waits_is_not_sent_once_the_incident_is_acknowledged(
    school: School,
) -> None:
    opened = school.open()
    school.received.fail(503)
    school.exporter.run()
    school.acknowledge(opened)
    school.clock.advance(minutes=1)
    school.titles()
    assert len(school.received.received) == 1, "only the attempt that failed"
    (row,) = message_page(school.engine, MessageFilter(), 10).items
    assert row.state is MessageState.SKIPPED


def test_an_incident_that_another_one_explains_does_not_recover(
    school: School,
) -> None:
    failing = school.open()
    assert school.titles() == ["The sync full fails"]
    refused = {"subject": "3f2a91c0", "affects": ("full",), "summary": "Canvas refuses a token."}
    token = school.open(IncidentKind.TOKEN_REFUSED, **refused)
    school.resolve(failing)
    assert school.titles() == ["Canvas refuses a token"]
    school.resolve(token)
    (title,) = school.titles()
    assert title.endswith("Canvas refuses a token")


def test_an_incident_that_goes_on_under_the_name_of_another_sync_has_not_recovered(
    school: School,
) -> None:
    missed = school.open(IncidentKind.MISSED, affects=("full",))
    school.titles()
    both = {"subject": "grades", "sync_type": "grades", "affects": ("full", "grades")}
    school.open(IncidentKind.MISSED, summary="Two syncs did not start.", **both)
    school.resolve(missed)
    assert school.titles() == ["Two syncs did not start"]


def test_an_unrelated_incident_does_not_hide_a_recovery(school: School) -> None:
    failing = school.open()
    school.open(IncidentKind.TOKEN_REFUSED, subject="x", affects=("grades",), summary="Refused.")
    assert len(school.titles()) == 2
    school.resolve(failing)
    assert len(school.titles()) == 1


def test_flapping_sends_one_opening_and_one_recovery(school: School) -> None:
    changed = school.open()
    school.titles()
    titles: list[str] = []
    for _ in range(6):
        changed = school.resolve(changed)
        titles += school.titles()
        school.clock.advance(minutes=15)
        changed = school.reopen(changed)
        titles += school.titles()
        school.clock.advance(minutes=10)
    assert len(titles) == 1
    assert titles[0].startswith("Recovered")


def test_a_reopened_incident_that_stays_open_is_announced_once(school: School) -> None:
    opened = school.open()
    school.titles()
    resolved = school.resolve(opened)
    school.titles()
    school.clock.advance(minutes=20)
    reopened = school.reopen(resolved)
    assert school.titles() == []
    school.clock.now = (reopened.reopened_at or OPENED) + BACK_AFTER
    assert school.titles() == ["Back again: The sync full fails"]
    assert school.titles() == []
    school.resolve(reopened)
    assert [title.partition(" ")[0] for title in school.titles()] == ["Recovered"]


def test_an_incident_that_two_exporters_opened_during_an_outage_recovers_once(
    school: School,
) -> None:
    first = school.open()
    school.titles()
    school.resolve(first)
    second = school.open()
    assert school.titles() == []
    school.resolve(second)
    assert len(school.titles()) == 1


def test_an_incident_that_outlives_the_one_that_explained_it_is_announced_again(
    school: School,
) -> None:
    failing = school.open()
    school.titles()
    refused = {"subject": "3f2a91c0", "affects": ("full",), "summary": "Canvas refuses a token."}
    token = school.open(IncidentKind.TOKEN_REFUSED, **refused)
    hidden = school.resolve(failing)
    school.titles()
    school.clock.advance(hours=1)
    school.resolve(token)
    reopened = school.reopen(hidden)
    assert [title.partition(" ")[0] for title in school.titles()] == ["Recovered"]
    school.clock.advance(minutes=30)
    assert school.titles() == ["Back again: The sync full fails"]
    school.resolve(reopened)
    assert len(school.titles()) == 1


def test_a_recovery_that_could_not_be_sent_is_not_sent_once_the_incident_is_back(
    school: School,
) -> None:
    opened = school.open()
    school.titles()
    resolved = school.resolve(opened)
    school.received.fail(503)
    school.exporter.run()
    school.reopen(resolved)
    school.clock.advance(minutes=1)
    assert school.titles() == []
