"""What channels, floods, quiet hours, several exporters and outages change about messages."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.names import IncidentKind, MessageKind, Severity
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.messages.planner import BURST, DIGEST_INTERVAL
from support.incidents import incident
from support.messaging_school import WARNING, School
from support.postgresql import PostgresqlServer
from support.receiver import receiver
from support.tables import create_tables

NIGHT = range(22, 31)


def test_nothing_is_sent_again_after_a_restart(school: School) -> None:
    school.open()
    school.open(IncidentKind.DISK_FILLING, subject="disk", sync_type=None)
    assert len(school.titles()) == 2
    assert school.titles(school.start(), school.start("another host")) == []


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
    with receiver() as received, closing(School(engine, tmp_path, received)) as school:
        known = school.open()
        assert len(school.titles()) == 1
        postgresql_server.stop()
        new = incident(
            IncidentKind.DATABASE_AWAY,
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
    with receiver() as received, closing(School(engine, tmp_path, received)) as school:
        exporters = [school.exporter, school.start("another host")]
        postgresql_server.stop()
        away = {"subject": "database", "sync_type": None, "summary": "The database is unreachable."}
        opened = []
        for exporter in exporters:
            kind = IncidentKind.DATABASE_AWAY
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
