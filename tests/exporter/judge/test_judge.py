"""A judge keeps incidents in the database, and in memory while the database is unreachable."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from canvas_sync_core.incident import IncidentState
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.database import downgrade, open_engine, upgrade
from canvas_sync_core.store.incidents.judges import JudgeRow, judges
from canvas_sync_core.store.incidents.reading import (
    IncidentFilter,
    incident_page,
    open_incidents,
)
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource, Pause
from canvas_sync_exporter.judge.facts import DatabaseFacts, Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding, Verdict
from canvas_sync_exporter.judge.incident_file import IncidentFile
from canvas_sync_exporter.judge.judge import Judge
from support.forked_programs import ForkedProgram
from support.tables import create_tables

START = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALL = frozenset(IncidentKind)
NO_FILE = Path("/dev/null/incidents.json")
"""A file that cannot be read or written, which changes nothing else."""


def finding(kind: IncidentKind = IncidentKind.FAILING, subject: str = "full") -> Finding:
    return Finding(kind, subject, Severity.CRITICAL, START, f"{subject} is not well.")


class Daily:
    """A schedule: once a day."""

    def next_due(self, after: datetime) -> datetime | None:
        return after + timedelta(days=1) - (after - START) % timedelta(days=1)

    def due_between(self, after: datetime, until: datetime) -> list[datetime]:
        return []

    def describe(self) -> str:
        return "every day"


class Scene:
    """What a judge sees, and when."""

    def __init__(self, engine: Engine, name: str = "sync-1:/state", file: Path = NO_FILE) -> None:
        self.now = START
        self.findings: list[Finding] = []
        self.judged = ALL
        self.syncs: dict[str, SyncFacts] = {}
        self.pauses: list[Pause] = []
        self.database = DatabaseFacts(is_reachable=True, since=START)
        self.judge = Judge(name, self.gather, self.evaluate, engine, file)

    def gather(self) -> Facts:
        return Facts(self.now, START, self.database, self.syncs, self.pauses)

    def evaluate(self, facts: Facts) -> Verdict:
        return Verdict(facts.now, tuple(self.findings), self.judged)

    def pass_time(self, time: timedelta = MINUTE) -> Any:
        self.now += time
        return self.judge.judge()


@pytest.fixture
def scene(engine: Engine) -> Scene:
    return Scene(engine)


@pytest.fixture
def file_engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'state' / 'canvas_sync.sqlite3'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@contextmanager
def outage(engine: Engine) -> Iterator[None]:
    """Take the file of an SQLite database away inside the block."""
    file = Path(str(engine.url.database))
    engine.dispose()
    aside = file.rename(file.with_suffix(".aside"))
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()
        aside.rename(file)


def test_incidents_open_and_resolve_in_the_database(scene: Scene, engine: Engine) -> None:
    scene.findings = [finding()]
    (opened,) = scene.judge.judge().opened
    assert open_incidents(engine) == [opened]
    assert scene.pass_time().all == ()
    scene.findings = []
    (over,) = scene.pass_time().resolved
    assert over.id == opened.id
    assert open_incidents(engine) == []


def test_a_judge_goes_on_where_the_one_before_its_restart_stopped(
    scene: Scene, engine: Engine
) -> None:
    scene.findings = [finding()]
    scene.judge.judge()
    restarted = Scene(engine)
    restarted.findings = [finding()]
    assert restarted.pass_time().all == ()
    assert restarted.judge.state.incidents == tuple(open_incidents(engine))
    restarted.findings = []
    assert restarted.pass_time().resolved


def test_what_a_judge_last_found_can_be_asked_at_any_time(scene: Scene) -> None:
    assert scene.judge.state.judged_at is None
    scene.syncs = {"full": SyncFacts("full", next_due=START), "never": SyncFacts("never")}
    scene.findings = [finding()]
    scene.judge.judge()
    state = scene.judge.state
    assert (state.judged_at, state.next_due) == (START, {"full": START})
    assert [each.kind for each in state.incidents] == [IncidentKind.FAILING]
    assert (state.failure, state.storage_failure, state.seconds_running) == ("", "", None)
    scene.findings = []
    scene.pass_time()
    assert scene.judge.state.incidents == ()


def test_a_judging_that_fails_is_seen_and_keeps_the_incidents(engine: Engine) -> None:
    facts = Scene(engine)
    facts.findings = [finding()]
    broken = False

    def gather() -> Facts:
        if broken:
            raise OSError("The metric files cannot be read.")
        return facts.gather()

    judge = Judge("sync-1:/state", gather, facts.evaluate, engine, NO_FILE)
    judge.judge()
    broken = True
    with pytest.raises(OSError, match="metric files"):
        judge.judge()
    assert judge.state.failure == "OSError: The metric files cannot be read."
    assert len(judge.state.incidents) == 1
    broken = False
    judge.judge()
    assert judge.state.failure == ""


def test_a_judging_that_hangs_is_seen(engine: Engine) -> None:
    facts, hangs, goes_on = Scene(engine), threading.Event(), threading.Event()

    def gather() -> Facts:
        hangs.set()
        goes_on.wait()
        return facts.gather()

    judge = Judge("sync-1:/state", gather, facts.evaluate, engine, NO_FILE)
    thread = threading.Thread(target=judge.judge)
    thread.start()
    hangs.wait()
    first, second = (judge.state.seconds_running for _ in range(2))
    goes_on.set()
    thread.join()
    assert first is not None
    assert second is not None
    assert 0 <= first <= second
    assert judge.state.seconds_running is None


def test_while_the_database_is_away_incidents_are_in_memory(file_engine: Engine) -> None:
    scene = Scene(file_engine)
    scene.findings = [finding()]
    scene.judge.judge()
    with outage(file_engine):
        scene.findings = [finding(IncidentKind.DATABASE_AWAY, "database")]
        scene.judged = frozenset({IncidentKind.DATABASE_AWAY})
        (away,) = scene.pass_time().opened
        assert away.opened_at == START + MINUTE
        assert scene.pass_time().all == ()
        kinds = {each.kind for each in scene.judge.state.incidents}
        assert kinds == {IncidentKind.DATABASE_AWAY, IncidentKind.FAILING}
        assert "unable to open database file" in scene.judge.state.storage_failure
    scene.findings, scene.judged = [], ALL
    scene.pass_time()
    stored = {each.kind: each for each in incident_page(file_engine, IncidentFilter(), 9).items}
    assert stored[IncidentKind.DATABASE_AWAY].opened_at == START + MINUTE
    assert stored[IncidentKind.FAILING].state is IncidentState.RESOLVED
    assert scene.judge.state.storage_failure == ""
    (over,) = scene.pass_time(3 * MINUTE).resolved
    assert over.kind == IncidentKind.DATABASE_AWAY


def test_what_began_and_ended_while_the_database_was_away_is_written_too(
    file_engine: Engine,
) -> None:
    scene = Scene(file_engine)
    with outage(file_engine):
        scene.findings = [finding()]
        scene.judge.judge()
        scene.findings = []
        assert scene.pass_time().resolved
    scene.pass_time()
    (stored,) = incident_page(file_engine, IncidentFilter(), 9).items
    assert (stored.opened_at, stored.resolved_at) == (START, START + MINUTE)


def test_a_restart_while_the_database_is_away_forgets_nothing(
    file_engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "incidents.json"
    scene = Scene(file_engine, file=file)
    scene.findings = [finding()]
    scene.judge.judge()
    with outage(file_engine):
        scene.findings = [finding(IncidentKind.DATABASE_AWAY, "database")]
        scene.judged = frozenset({IncidentKind.DATABASE_AWAY})
        scene.pass_time()
        restarted = Scene(file_engine, file=file)
        restarted.findings, restarted.judged = scene.findings, scene.judged
        assert restarted.pass_time(5 * MINUTE).all == ()
        kinds = {each.kind for each in restarted.judge.state.incidents}
        assert kinds == {IncidentKind.DATABASE_AWAY, IncidentKind.FAILING}
    restarted.pass_time()
    stored = {each.kind: each for each in open_incidents(file_engine)}
    assert stored[IncidentKind.DATABASE_AWAY].opened_at == START + MINUTE
    assert set(stored) == kinds


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"known": [{"kind": 7}]}'])
def test_a_file_that_cannot_be_used_is_replaced(
    file_engine: Engine, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "incidents.json"
    file.write_bytes(content)
    scene = Scene(file_engine, file=file)
    scene.findings = [finding()]
    scene.judge.judge()
    assert IncidentFile(file).load().known == tuple(open_incidents(file_engine))


def test_a_database_that_is_known_to_be_away_is_not_asked_again(file_engine: Engine) -> None:
    scene = Scene(file_engine)
    scene.findings = [finding()]
    away = DatabaseFacts(is_reachable=False, since=START, reason="TimeoutError: silent")
    scene.database = away
    assert scene.judge.judge().opened
    assert scene.judge.state.storage_failure == "TimeoutError: silent"
    assert open_incidents(file_engine) == []


def test_due_times_in_a_pause_are_left_out(scene: Scene) -> None:
    daily = Daily()
    expected = Expectation("full", daily, MINUTE, ExpectationSource.FILE)
    scene.syncs = {"full": SyncFacts("full", expected, next_due=daily.next_due(START))}
    first, second = START + timedelta(days=1), START + timedelta(days=3)
    scene.pauses = [Pause(frozenset({"full"}), first, second, "break")]
    scene.judge.judge()
    assert scene.judge.state.next_due == {"full": second}


def test_a_row_that_changed_in_memory_is_changed_once_the_database_is_back(
    file_engine: Engine,
) -> None:
    scene = Scene(file_engine)
    scene.findings = [finding()]
    scene.judge.judge()
    with outage(file_engine):
        scene.findings = []
        scene.pass_time()
    scene.pass_time(9 * MINUTE)
    (stored,) = incident_page(file_engine, IncidentFilter(), 9).items
    assert stored.resolved_at == START + MINUTE


def test_what_another_judge_finds_is_not_resolved_during_an_outage(file_engine: Engine) -> None:
    scene, other = Scene(file_engine), Scene(file_engine, "sync-2:/state")
    other.findings = [finding(IncidentKind.DISK_FILLING, "logs")]
    other.judge.judge()
    scene.judge.judge()
    with outage(file_engine):
        assert scene.pass_time().all == ()
        assert scene.pass_time(9 * MINUTE).all == ()
    assert len(scene.judge.state.incidents) == 1


def test_incidents_without_their_table_are_in_memory_until_it_is_made(own_engine: Engine) -> None:
    downgrade(own_engine, "0007")
    scene = Scene(own_engine)
    scene.findings = [finding()]
    assert scene.judge.judge().opened
    assert "db upgrade" in scene.judge.state.storage_failure
    upgrade(own_engine)
    scene.pass_time()
    assert [each.opened_at for each in open_incidents(own_engine)] == [START]


def test_each_judge_notes_that_it_judges_and_in_words_what_it_could_not(
    scene: Scene, engine: Engine
) -> None:
    scene.judged = ALL - {IncidentKind.MISSED, IncidentKind.STALE_ITEMS}
    scene.judge.judge()
    (row,) = judges(engine)
    assert row == JudgeRow("sync-1:/state", START, "Not judged: missed, stale items.")
    scene.judged = ALL
    scene.pass_time()
    assert judges(engine) == [JudgeRow("sync-1:/state", START + MINUTE, None)]


def test_what_a_judge_found_that_has_stopped_is_up_to_the_others(engine: Engine) -> None:
    stopped, scene = Scene(engine, "old:/state"), Scene(engine)
    stopped.findings = [finding()]
    stopped.judge.judge()
    assert scene.pass_time().all == ()
    assert scene.pass_time(9 * MINUTE).resolved


_JUDGE = """
import json, sys
from datetime import timedelta
from exporter.judge.test_judge import START, Scene, finding
from canvas_sync_core.store.database import open_engine

scene = Scene(open_engine(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
counts = {"opened": 0, "resolved": 0}
for step in range(24):
    bad = step % 12 < 6
    scene.findings = [finding(subject=f"type-{n}") for n in range(5)] if bad else []
    changes = scene.judge.judge()
    counts["opened"] += len(changes.opened)
    counts["resolved"] += len(changes.resolved)
    print("done", flush=True)
    sys.stdin.readline()
    scene.now += timedelta(hours=1)
print(json.dumps(counts), flush=True)
"""


def _start(engine: Engine, name: str) -> ForkedProgram:
    return ForkedProgram(_JUDGE, engine.url.render_as_string(hide_password=False), name)


def test_several_judges_at_once_open_and_resolve_each_incident_once(engine: Engine) -> None:
    processes = [_start(engine, f"host-{number}:/state") for number in range(3)]

    def read(expected: str) -> None:
        for process in processes:
            assert process.stdout.readline() == f"{expected}\n"

    def go_on() -> None:
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()

    read("ready")
    for _ in range(24):
        go_on()
        read("done")
    go_on()
    counts = [json.loads(process.communicate()) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    rows = incident_page(engine, IncidentFilter(), 500).items
    assert len(rows) == 10
    assert {each.state for each in rows} == {IncidentState.RESOLVED}
    assert sum(each["opened"] for each in counts) == 10
    assert sum(each["resolved"] for each in counts) == 10
