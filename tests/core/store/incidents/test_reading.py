"""Incidents are read one by one, all that are open, and in lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from canvas_sync_core.incident import Incident, IncidentState
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.cursors import BadCursor
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.reading import (
    IncidentFilter,
    incident_by_id,
    incident_page,
    known_incidents,
    open_incidents,
)
from canvas_sync_core.store.incidents.writing import acknowledge_incident
from support.incidents import KNOWN_CAUSE, OPENED, incident, number_of, write

MINUTE = timedelta(minutes=1)


def subjects(incidents: Iterable[Incident]) -> list[str]:
    return [each.subject for each in incidents]


def test_a_judge_reads_the_open_incidents_and_those_of_the_last_hours(engine: Engine) -> None:
    write(
        engine,
        incident(subject="open"),
        incident(subject="lately", resolved_at=OPENED + 10 * MINUTE),
        incident(subject="long ago", resolved_at=OPENED),
    )
    known = known_incidents(engine, OPENED + MINUTE)
    assert {each.subject for each in known} == {"open", "lately"}
    assert [each.subject for each in open_incidents(engine)] == ["open"]


def test_lists_go_page_by_page_through_incidents_of_the_same_time(engine: Engine) -> None:
    times = [OPENED + minute * MINUTE for minute in (0, 1, 1, 1, 2)]
    write(engine, *(incident(subject=f"{n}", opened_at=t) for n, t in enumerate(times)))
    seen: list[Incident] = []
    cursor, pages = None, 0
    while cursor is not None or not pages:
        page = incident_page(engine, IncidentFilter(), 2, cursor)
        seen += page.items
        cursor, pages = page.next, pages + 1
    assert pages == 3
    assert {each.subject for each in seen} == set("01234")
    assert [each.opened_at for each in seen] == times[::-1]
    with pytest.raises(BadCursor):
        incident_page(engine, IncidentFilter(), 2, "nonsense")


def test_lists_are_filtered_by_state_kind_and_sync_type(engine: Engine) -> None:
    write(
        engine,
        incident(subject="open"),
        incident(subject="over", resolved_at=OPENED),
        incident(IncidentKind.QUOTA_LOW, subject="3f2a91c0", sync_type=None),
    )
    for each in write(engine, incident(subject="known"), incident(subject="worse")):
        known = acknowledge_incident(engine, number_of(each), KNOWN_CAUSE)
        assert known is not None
        if known.subject == "worse":
            write(engine, replace(known, worsened_at=OPENED + 2 * MINUTE))

    def subjects(wanted: IncidentFilter) -> set[str]:
        found = incident_page(engine, wanted, 10).items
        assert wanted.state is None or {each.state for each in found} <= {wanted.state}
        return {each.subject for each in found}

    assert subjects(IncidentFilter(IncidentState.OPEN)) == {"open", "worse", "3f2a91c0"}
    assert subjects(IncidentFilter(IncidentState.ACKNOWLEDGED)) == {"known"}
    assert subjects(IncidentFilter(IncidentState.RESOLVED)) == {"over"}
    assert subjects(IncidentFilter(kind="quota_low")) == {"3f2a91c0"}
    assert subjects(IncidentFilter(IncidentState.OPEN, sync_type="full")) == {"open", "worse"}
    refused = {"sync_type": None, "affects": ('a "b"', "grades")}
    write(engine, incident(IncidentKind.TOKEN_REFUSED, subject="9ea1d209", **refused))
    for name, found in (("grades", {"9ea1d209"}), ('a "b"', {"9ea1d209"}), ("Grades", set())):
        assert subjects(IncidentFilter(sync_type=name)) == found
    assert subjects(IncidentFilter(sync_type="%")) == set()


def test_a_database_that_is_away_is_not_mistaken_for_one_without_tables() -> None:
    engine = open_engine("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError, match="refused"):
        open_incidents(engine)
    engine.dispose()


def test_an_incident_is_found_by_its_number(engine: Engine) -> None:
    first, second = write(engine, incident(subject="a"), incident(subject="b"))
    assert incident_by_id(engine, number_of(second)) == second
    assert incident_by_id(engine, number_of(first) + number_of(second)) is None


def test_what_a_judge_reads_comes_oldest_first_with_what_was_resolved_since(engine: Engine) -> None:
    opened = {"a": 2, "b": 0, "c": 1, "d": 1}
    write(engine, *(incident(subject=s, opened_at=OPENED + m * MINUTE) for s, m in opened.items()))
    write(engine, incident(subject="just", resolved_at=OPENED + MINUTE))
    write(engine, incident(subject="before", resolved_at=OPENED + MINUTE - MINUTE / 60))
    assert subjects(known_incidents(engine, OPENED + MINUTE)) == ["b", "just", "c", "d", "a"]
    assert subjects(open_incidents(engine)) == ["b", "c", "d", "a"]


def test_a_list_includes_the_start_of_its_period_but_not_the_end(engine: Engine) -> None:
    write(engine, *(incident(subject=f"{n}", opened_at=OPENED + n * MINUTE) for n in range(4)))

    def found(wanted: IncidentFilter) -> list[str]:
        return subjects(incident_page(engine, wanted, 10).items)

    assert found(IncidentFilter(since=OPENED + MINUTE, until=OPENED + 3 * MINUTE)) == ["2", "1"]
    assert found(IncidentFilter(since=OPENED + 2 * MINUTE)) == ["3", "2"]
    assert found(IncidentFilter(until=OPENED + MINUTE)) == ["0"]


def test_what_got_worse_before_it_was_acknowledged_stays_acknowledged(engine: Engine) -> None:
    (written,) = write(engine, incident(worsened_at=OPENED + MINUTE))
    known = acknowledge_incident(engine, number_of(written), KNOWN_CAUSE)
    assert known is not None
    acknowledged = IncidentFilter(IncidentState.ACKNOWLEDGED)
    assert incident_page(engine, acknowledged, 10).items == [known]
    (worse,) = write(engine, replace(known, worsened_at=OPENED + MINUTE + MINUTE / 60))
    assert incident_page(engine, acknowledged, 10).items == []
    assert worse.state is IncidentState.OPEN
