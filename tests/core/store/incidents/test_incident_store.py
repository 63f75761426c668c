"""Incidents in SQLite and in PostgreSQL: one row however many write."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from canvas_sync_core.errors import StorageError
from canvas_sync_core.incident import IncidentState
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.database import downgrade, upgrade
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.reading import (
    incident_by_id,
    open_incidents,
)
from canvas_sync_core.store.incidents.writing import acknowledge_incident
from support.forked_programs import ForkedProgram
from support.incidents import KNOWN_CAUSE, OPENED, incident, number_of, write

MINUTE = timedelta(minutes=1)


def test_an_incident_is_read_as_it_was_written(engine: Engine) -> None:
    whole = incident(
        cause="Canvas answers 503.",
        counts={"HTTP 503": 40, "timeout": 2},
        runs=("nightly-2", 'nightly-1\n"quoted"'),
        run_count=42,
        user_count=40,
        request_ids=("1a2b", "3c4d"),
        worsened_at=OPENED + MINUTE,
        reopened_at=OPENED + 2 * MINUTE,
        reopen_count=1,
        clear_since=OPENED + 3 * MINUTE,
        found_by=frozenset({"sync-1:/var/lib/app/state"}),
    )
    (written,) = write(engine, whole)
    assert incident_by_id(engine, number_of(written)) == written
    assert written == replace(whole, id=written.id)
    assert list(written.counts) == ["HTTP 503", "timeout"]


def test_a_kind_and_subject_have_one_open_row(engine: Engine) -> None:
    (first,) = write(engine, incident())
    assert write(engine, incident(summary="again")) == []
    other = write(engine, incident(subject="other"), incident(IncidentKind.MISSED))
    assert len(other) == 2
    write(engine, replace(first, resolved_at=OPENED + MINUTE))
    assert len(write(engine, incident())) == 1


def test_the_database_itself_refuses_a_second_open_row(engine: Engine) -> None:
    (first,) = write(engine, incident())
    write(engine, replace(first, resolved_at=OPENED))
    write(engine, incident())
    reopen = text("UPDATE canvas_sync_incidents SET resolved_at = NULL WHERE id = :id")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(reopen, {"id": first.id})


def test_only_the_first_of_two_changes_to_one_version_is_made(engine: Engine) -> None:
    (read,) = write(engine, incident())
    (changed,) = write(engine, replace(read, run_count=5))
    assert changed.version == read.version + 1
    assert write(engine, replace(read, run_count=9)) == []
    assert incident_by_id(engine, number_of(read)) == changed


def test_an_incident_is_not_reopened_beside_a_newer_one(engine: Engine) -> None:
    (first,) = write(engine, incident())
    (over,) = write(engine, replace(first, resolved_at=OPENED + MINUTE))
    (newer,) = write(engine, incident(opened_at=OPENED + 2 * MINUTE))
    reopened = replace(over, resolved_at=None, reopen_count=1)
    other = incident(IncidentKind.MISSED)
    assert [each.key for each in write(engine, reopened, other)] == [other.key]
    assert newer in open_incidents(engine)


def test_acknowledging_notes_who_why_and_how_bad_it_was(engine: Engine) -> None:
    (written,) = write(engine, incident(run_count=7))
    known = acknowledge_incident(engine, number_of(written), KNOWN_CAUSE)
    assert known is not None
    assert known.acknowledgement == replace(KNOWN_CAUSE, run_count=7)
    assert known.state is IncidentState.ACKNOWLEDGED
    assert write(engine, replace(written, run_count=8)) == [], "its writer has not read that yet"
    (changed,) = write(engine, replace(known, run_count=8))
    assert incident_by_id(engine, number_of(changed)) == changed
    assert changed.acknowledgement == known.acknowledgement


def test_what_is_over_cannot_be_acknowledged(engine: Engine) -> None:
    (over,) = write(engine, incident(resolved_at=OPENED))
    assert acknowledge_incident(engine, number_of(over), KNOWN_CAUSE) == over
    assert acknowledge_incident(engine, number_of(over) + 1, KNOWN_CAUSE) is None


_OPEN_MANY = """
import json, sys
from dataclasses import replace
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.reading import known_incidents
from canvas_sync_core.store.incidents.writing import write_incidents
from support.incidents import OPENED, incident

engine = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
opened = changed = 0
for _ in range(10):
    known = known_incidents(engine, OPENED)
    subjects = {f"type-{n}" for n in range(8)} - {each.subject for each in known}
    new = [incident(subject=subject) for subject in subjects]
    more = [replace(each, run_count=each.run_count + 1) for each in known]
    for written in write_incidents(engine, [*new, *more]):
        opened += written.version == 0
        changed += written.version > 0
print(json.dumps([opened, changed]))
"""


def test_many_processes_open_each_incident_once_and_lose_no_change(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    processes = [ForkedProgram(_OPEN_MANY, url) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [json.loads(process.communicate()) for process in processes]
    rows = open_incidents(engine)
    assert sorted(each.subject for each in rows) == [f"type-{n}" for n in range(8)]
    assert sum(opened for opened, _ in counts) == 8
    assert sum(changed for _, changed in counts) == sum(each.run_count for each in rows) > 0


def test_what_was_written_by_hand_is_read_without_an_error(engine: Engine) -> None:
    write(engine, incident())
    by_hand = text(
        "UPDATE canvas_sync_incidents SET kind = 'new_kind', severity = 'odd', "
        "runs = 'no array', found_by = '[1]', counts = :counts"
    )
    with engine.begin() as connection:
        connection.execute(by_hand, {"counts": '{"a": "b"}'})
    (read,) = open_incidents(engine)
    assert (read.kind, read.severity) == ("new_kind", Severity.WARNING)
    assert (read.runs, read.found_by, read.counts) == ((), frozenset(), {"a": 0})


def test_the_tables_go_and_come_with_their_migration(own_engine: Engine) -> None:
    downgrade(own_engine, "0007")
    assert not inspect(own_engine).has_table("canvas_sync_incidents")
    for use in (
        lambda: open_incidents(own_engine),
        lambda: write(own_engine, incident()),
        lambda: note_judging(own_engine, JudgeRow("a", OPENED, None)),
    ):
        with pytest.raises(StorageError, match=r"no table canvas_sync_incidents.*db upgrade"):
            use()
    upgrade(own_engine)
    assert open_incidents(own_engine) == []
