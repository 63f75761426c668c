"""Which messages about incidents are sent: a simulated clock, real tables, a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.names import IncidentKind, MessageKind, MessageState, Severity
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.reading import open_incidents
from canvas_sync_core.store.incidents.writing import acknowledge_incident, write_incidents
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.messages.delivery import Delivery
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import IncidentWriter
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from canvas_sync_exporter.messages.planner import BURST, DIGEST_INTERVAL, Planner
from canvas_sync_exporter.messages.planning import BACK_AFTER
from canvas_sync_exporter.schedules.pause import Pause
from support.incidents import OPENED, incident
from support.postgresql import PostgresqlServer
from support.receiver import PostingChannel, Receiver, receiver
from support.simulated_clock import SimulatedClock
from support.tables import create_tables

WARNING = Severity.WARNING
NIGHT = range(22, 31)


class Exporter:
    """Plans and delivers messages to the receiver, under a name that a channel has.

    Args:
        engine: The database.
        folder: Where its local outbox is.
        received: Where the messages go.
        clock: The time.
        audience: What the channel receives.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        received: Receiver,
        clock: SimulatedClock,
        audience: Audience | None = None,
    ) -> None:
        self.in_memory: list[Incident] = []
        self.pauses: list[Pause] = []
        self.quiet_hours: range = range(0)
        self.local = LocalOutbox(folder / "messages.sqlite3")
        self.planner = Planner(
            engine,
            self.local,
            {"test": audience or Audience()},
            writer=IncidentWriter(Formats("en_GB", UTC)),
            in_memory=lambda: self.in_memory,
            pauses=lambda _: self.pauses,
            is_quiet=self.is_quiet,
            now=clock,
        )
        channel = PostingChannel(received.url)
        self.delivery = Delivery(channel, engine, self.local, self.is_quiet, clock)

    def is_quiet(self, time: datetime) -> bool:
        """Return whether it is a quiet hour."""
        return time.hour in self.quiet_hours or time.hour + 24 in self.quiet_hours

    def run(self) -> None:
        """Plan and deliver once."""
        self.planner.plan()
        self.delivery.deliver()


class School:
    """A database with incidents that the test changes, an exporter and the receiver.

    Attributes:
        engine: The database.
        exporter: Its exporter.
        received: What has been received.
        clock: The time.
    """

    def __init__(self, engine: Engine, folder: Path, received: Receiver) -> None:
        self.engine, self.folder, self.received = engine, folder, received
        self.clock = SimulatedClock(OPENED)
        self.exporter = self.start()

    def start(self, name: str = "state", audience: Audience | None = None) -> Exporter:
        """Start an exporter, or start it again."""
        folder = self.folder / name
        return Exporter(self.engine, folder, self.received, self.clock, audience)

    def open(self, kind: IncidentKind = IncidentKind.FAILING, **changes: Any) -> Incident:
        """Open an incident now."""
        now = self.clock.now
        defaults = {"since": now, "opened_at": now, "updated_at": now}
        defaults["sync_type"] = changes.get("subject", "full")
        (written,) = write_incidents(self.engine, [incident(kind, **defaults | changes)])
        return written

    def change(self, changed: Incident, **changes: Any) -> Incident:
        """Change an incident now."""
        now = {"updated_at": self.clock.now}
        (written,) = write_incidents(self.engine, [replace(changed, **now | changes)])
        return written

    def resolve(self, changed: Incident) -> Incident:
        """Resolve an incident now."""
        return self.change(changed, resolved_at=self.clock.now)

    def reopen(self, changed: Incident) -> Incident:
        """Reopen an incident now."""
        count = changed.reopen_count + 1
        return self.change(
            changed, resolved_at=None, reopened_at=self.clock.now, reopen_count=count
        )

    def acknowledge(self, changed: Incident) -> Incident:
        """Acknowledge an incident now."""
        assert changed.id is not None
        known = Acknowledgement(self.clock.now, "ada", "known", 0)
        found = acknowledge_incident(self.engine, changed.id, known)
        assert found is not None
        return found

    def titles(self, *exporters: Exporter) -> list[str]:
        """Let a minute pass in which exporters run; return the titles of what they sent."""
        before = len(self.received.received)
        for _ in range(3):
            for exporter in exporters or (self.exporter,):
                exporter.run()
            self.clock.advance(seconds=20)
        return self.received.titles[before:]


@pytest.fixture
def school(emptied_engine: Engine, tmp_path: Path) -> Iterator[School]:
    """A school without incidents."""
    with receiver() as received:
        yield School(emptied_engine, tmp_path, received)


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


def test_nothing_is_sent_again_after_a_restart(school: School) -> None:
    school.open()
    school.open(IncidentKind.DISK_FILLING, subject="disk", sync_type=None)
    assert len(school.titles()) == 2
    assert school.titles(school.start(), school.start("another host")) == []


def test_an_incident_that_a_pause_closed_is_not_said_to_have_recovered(school: School) -> None:
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


def test_a_channel_gets_only_what_it_asks_for(school: School) -> None:
    wanted = Audience(severities=frozenset({Severity.CRITICAL}), sync_types=frozenset({"grades"}))
    choosy = school.start("choosy", wanted)
    school.open(subject="1", sync_type="full", affects=("full",))
    school.open(subject="2", sync_type="grades", severity=WARNING)
    warning = school.open(IncidentKind.SLOW, subject="3", sync_type="grades", severity=WARNING)
    several: dict[str, Any] = {"sync_type": None, "affects": ("full", "grades")}
    school.open(subject="4", summary="Both fail.", **several)
    school.open(IncidentKind.DISK_FILLING, subject="5", sync_type=None, summary="The disk fills.")
    assert sorted(school.titles(choosy)) == ["Both fail", "The disk fills"]
    school.resolve(warning)
    assert school.titles(choosy) == []


def test_a_channel_without_incidents_gets_none(school: School) -> None:
    school.open()
    reports = Audience(kinds=frozenset({MessageKind.DAILY}))
    assert school.titles(school.start("reports", reports)) == []


def test_a_broken_channel_gets_no_message_about_itself(school: School) -> None:
    broken = {"sync_type": None, "severity": WARNING, "summary": "Nothing can be delivered."}
    school.open(IncidentKind.MESSAGES_FAILING, subject="test", **broken)
    school.open(IncidentKind.MESSAGES_FAILING, subject="email", **broken)
    assert len(school.titles()) == 1


def test_many_incidents_at_once_do_not_become_a_flood(school: School) -> None:
    opened = [
        school.open(
            subject=f"type-{number:02}",
            sync_type=f"type-{number:02}",
            summary=f"type-{number:02} fails.",
            severity=Severity.CRITICAL if number % 10 == 3 else WARNING,
        )
        for number in range(40)
    ]
    titles = school.titles(school.exporter, school.start("another host"))
    assert len(titles) == BURST + 1
    assert titles[:4] == [f"type-{number} fails" for number in ("03", "13", "23", "33")]
    assert titles[-1] == "35 more incidents: all new"
    school.clock.advance(hours=1)
    assert school.titles() == []
    for each in opened:
        school.resolve(each)
    titles = school.titles()
    assert len(titles) == BURST + 1
    assert titles[-1] == "35 more incidents: all recovered"


def test_incidents_that_keep_opening_do_not_become_a_flood_either(school: School) -> None:
    for number in range(60):
        school.open(subject=f"type-{number}", summary=f"type-{number} fails.")
        school.exporter.run()
        school.clock.advance(seconds=10)
    school.clock.advance(minutes=3)
    school.exporter.run()
    titles = school.received.titles
    most_digests = timedelta(minutes=13) / DIGEST_INTERVAL + 1
    assert BURST < len(titles) <= 2 * BURST + most_digests
    digests = [int(title.partition(" ")[0]) for title in titles if " more incident" in title]
    assert len(titles) - len(digests) + sum(digests) == 60, "each is announced once"


def test_quiet_hours_hold_warnings_back_and_forget_what_is_over_by_then(school: School) -> None:
    school.clock.now = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
    school.exporter.quiet_hours = NIGHT
    evening = school.open(subject="evening", severity=WARNING, summary="Evening.")
    assert school.titles() == ["Evening"]
    school.clock.now = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    school.resolve(evening)
    passing = school.open(subject="passing", severity=WARNING, summary="Passing.")
    school.open(subject="lasting", severity=WARNING, summary="Lasting.")
    rising = school.open(subject="rising", severity=WARNING, summary="Rising.")
    critical = school.open(subject="critical", summary="Critical.")
    assert school.titles() == ["Critical"]
    school.clock.advance(hours=2)
    school.resolve(passing)
    school.change(rising, severity=Severity.CRITICAL, worsened_at=school.clock.now)
    assert school.titles() == ["Rising"]
    school.resolve(critical)
    assert [title.rpartition(" ")[2] for title in school.titles()] == ["Critical"]
    school.clock.now = datetime(2026, 3, 3, 6, 55, tzinfo=UTC)
    assert school.titles() == []
    school.clock.now = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    assert {title.rpartition(" ")[2] for title in school.titles()} == {"Lasting", "Evening"}


def test_two_exporters_send_each_message_once(school: School) -> None:
    second = school.start("another host")
    opened = [school.open(subject=f"{number}") for number in range(4)]
    assert len(school.titles(school.exporter, second)) == 4
    for each in opened:
        school.resolve(each)
    school.clock.advance(minutes=10)
    assert len(school.titles(second, school.exporter)) == 4


def test_while_the_database_is_away_critical_incidents_are_announced_once_from_memory(
    postgresql_server: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    engine = open_engine(postgresql_url)
    create_tables(engine)
    with receiver() as received:
        school = School(engine, tmp_path, received)
        known = school.open()
        assert len(school.titles()) == 1
        postgresql_server.stop()
        new = incident(
            IncidentKind.DATABASE_UNREACHABLE,
            subject="database",
            sync_type=None,
            opened_at=school.clock.now,
            summary="The runs database is unreachable.",
        )
        quiet = incident(IncidentKind.QUOTA_LOW, subject="x", severity=WARNING)
        school.exporter.in_memory = [known, new, quiet]
        for exporter in (school.exporter, school.exporter, school.start()):
            exporter.in_memory = school.exporter.in_memory
            with pytest.raises(SQLAlchemyError):
                exporter.planner.plan()
            with pytest.raises(SQLAlchemyError):
                exporter.delivery.deliver()
        assert received.titles[1:] == ["The runs database is unreachable"]
        postgresql_server.start()
        school.clock.advance(minutes=3)
        (written,) = write_incidents(engine, [new])
        restarted = school.start()
        assert school.titles(restarted) == []
        school.resolve(written)
        (title,) = school.titles(restarted, school.start("another host"))
        assert title.startswith("Recovered after")
        assert received.received[-1]["thread"] == "message-2"
    engine.dispose()


def test_several_exporters_announce_the_end_of_an_outage_once(
    postgresql_server: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    engine = open_engine(postgresql_url)
    create_tables(engine)
    with receiver() as received:
        school = School(engine, tmp_path, received)
        exporters = [school.exporter, school.start("another host")]
        postgresql_server.stop()
        away = {"subject": "database", "sync_type": None, "summary": "The database is unreachable."}
        opened = []
        for exporter in exporters:
            kind = IncidentKind.DATABASE_UNREACHABLE
            opened.append(incident(kind, opened_at=school.clock.now, **away))
            exporter.in_memory = opened[-1:]
            for step in (exporter.planner.plan, exporter.delivery.deliver):
                with pytest.raises(SQLAlchemyError):
                    step()
            school.clock.advance(seconds=7)
        assert received.titles == ["The database is unreachable"] * 2
        postgresql_server.start()
        (written,) = write_incidents(engine, opened)
        assert school.titles(exporters[1], exporters[0]) == []
        school.resolve(written)
        assert len(school.titles(*exporters)) == 1
    engine.dispose()
