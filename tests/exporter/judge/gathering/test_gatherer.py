"""Facts are read from the table, the metric files and the folders, and later only what changed."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Engine, event

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import ITEMS, IncidentKind, MessageState, RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_core.store.suspects import judge_runs
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import ChannelSettings, WebhookSettings
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.judge.gathering import rows
from canvas_sync_exporter.judge.gathering.gatherer import Gatherer
from canvas_sync_exporter.judge.runs import FoundRun
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.schedules.cron import CronSchedule
from canvas_sync_exporter.settings import Configuration, configuration
from support.messages import message
from support.runs import snapshot, write

NIGHT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def expect_nightly(
    now: datetime, starts: Mapping[str, Sequence[datetime]]
) -> Iterable[Expectation]:
    """``full`` is due every night at 02:00 UTC."""
    schedule = CronSchedule("0 2 * * *", UTC)
    return [Expectation("full", schedule, 45 * MINUTE, ExpectationSource.FILE)]


def night(number: int, **changes: Any) -> RunSnapshot:
    """The run of so many nights before NIGHT."""
    start = (NIGHT - number * DAY + MINUTE).timestamp()
    items = {item: ItemCounts() for item in ITEMS} | {"course": ItemCounts(processed=100)}
    values = {
        "user_id": None,
        "start_time": start,
        "end_time": start + 600,
        "heartbeat": start + 600,
        "duration": 600.0,
        "items": items,
        "api_failed": 0,
        "api_throttled": 0,
    }
    return snapshot(f"night-{number}", **{**values, **changes})


class Scene:
    """A gatherer, and the time that it sees."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *channels: ChannelSettings,
        hosts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.now = NIGHT + 30 * MINUTE
        self.configuration: Configuration = replace(
            configuration(
                {"CANVAS_SYNC_LOG_DIR": str(folder), "CANVAS_SYNC_STATE_DIR": str(folder / "state")}
            ),
            file=ConfigFile(messages=MessageSettings(channels=channels), hosts=hosts),
        )
        self.gatherer = Gatherer(
            engine, self.configuration, expect_nightly, lambda since: (), lambda: self.now
        )
        self.gatherer.gather()

    def kinds(self, minutes: float = 5) -> list[IncidentKind]:
        """What is found some minutes later."""
        self.now += minutes * MINUTE
        return [each.kind for each in judge(self.gatherer.gather()).findings]


def test_what_the_table_says_is_gathered(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(1, 61)))
    write(engine, night(0, api_items=640, api_bytes=250_000, telemetry_fault="no space"))

    facts = Scene(engine, tmp_path).gatherer.gather()
    full = facts.syncs["full"]
    assert len(full.runs) == len(full.rounds) == 40
    assert full.runs[0].start == NIGHT + MINUTE
    assert (full.runs[0].items, full.runs[0].duration) == (100, 600.0)
    assert (full.runs[0].api_items, full.runs[0].api_bytes) == (640, 250_000)
    assert full.runs[0].telemetry_fault == "no space"
    assert (full.due[-1], full.next_due) == (NIGHT, NIGHT + DAY)
    assert full.known_since == NIGHT - 42 * DAY + MINUTE
    assert full.newest_items == {"course": NIGHT + 11 * MINUTE}


def test_a_configured_channel_that_cannot_deliver_is_found_until_it_does(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, *(night(number) for number in range(20)))
    webhook = WebhookSettings(name="webhook", audience=Audience(), url="http://127.0.0.1:9/")
    scene = Scene(engine, tmp_path, webhook)
    waiting: dict[str, Any] = {"last_error": "404", "created_at": scene.now}
    for channel in ("webhook", "removed"):
        add_messages(engine, [message(channel=channel, next_attempt_at=scene.now, **waiting)])
    assert scene.kinds(59) == []
    assert scene.kinds(2) == [IncidentKind.MESSAGES_FAILING]
    (finding,) = judge(scene.gatherer.gather()).findings
    assert (finding.subject, finding.cause, finding.counts) == ("webhook", "404", {"waiting": 1})
    sent: dict[str, Any] = {"state": MessageState.SENT, "sent_at": scene.now}
    add_messages(engine, [message("2", channel="webhook", created_at=scene.now, **sent)])
    assert scene.kinds(1) == []


def test_an_exporter_of_another_host_that_stops_is_found_until_it_judges_again(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, *(night(number) for number in range(20)))
    hosts = dict.fromkeys(("sync-1", socket.gethostname()), "https://example.edu")
    scene = Scene(engine, tmp_path, hosts=hosts)
    for folder, minutes in (("old", 300), ("state", 0)):
        note_judging(engine, JudgeRow(f"sync-1:/srv/{folder}", scene.now - minutes * MINUTE))
    assert scene.kinds(4) == []
    assert scene.kinds(2) == [IncidentKind.EXPORTER_SILENT]
    note_judging(engine, JudgeRow("sync-1:/srv/state", scene.now))
    assert scene.kinds(1) == []


def test_a_run_is_followed_from_its_start_to_its_end(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    open_ended = {"end_time": None, "duration": None, "status": RunStatus.RUNNING}

    assert scene.kinds(20) == [IncidentKind.MISSED]
    late = {"start_time": (NIGHT + 50 * MINUTE).timestamp()}
    heartbeat = (NIGHT + 51 * MINUTE).timestamp()
    write(engine, night(0, **late, **open_ended, heartbeat=heartbeat))
    assert scene.kinds(1) == []
    assert [run.id for run in scene.gatherer.gather().syncs["full"].running] == ["night-0"]
    error = ErrorInfo("KeyError", "'term'")
    end = (NIGHT + 60 * MINUTE).timestamp()
    ended = {"status": RunStatus.FAILED, "error": error, "end_time": end, "heartbeat": end}
    write(engine, night(0, **late, **ended))
    assert scene.kinds() == [IncidentKind.FAILING]
    assert scene.gatherer.gather().syncs["full"].running == []


def test_a_run_that_the_flagging_finds_suspect_is_suspect(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    nothing = {item: ItemCounts() for item in ITEMS}
    write(engine, night(0, items=nothing))

    assert scene.kinds() == []
    judge_runs(engine, NIGHT - DAY / 2)
    assert scene.kinds() == [IncidentKind.SUSPECT]


def test_an_interrupted_run_that_turns_out_to_be_alive_is_none(
    engine: Engine, tmp_path: Path
) -> None:
    write(engine, *(night(number) for number in range(1, 20)))
    scene = Scene(engine, tmp_path)
    early = (NIGHT + 5 * MINUTE).timestamp()

    write(engine, night(0, status=RunStatus.INTERRUPTED, end_time=early, heartbeat=early))
    assert scene.kinds() == [IncidentKind.INTERRUPTED]
    write(engine, night(0))
    assert scene.kinds() == []


def test_old_interrupted_runs_are_not_read_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = (night(number, status=RunStatus.INTERRUPTED) for number in range(1, 20))
    write(engine, *nights, night(0))
    scene = Scene(engine, tmp_path)
    scene.kinds()
    read: set[int] = set()

    def note(_: object, numbers: Iterable[int]) -> list[FoundRun]:
        read.update(numbers)
        return []

    monkeypatch.setattr(rows, "runs_by_id", note)
    scene.kinds()
    assert read == set()


def test_runs_of_many_users_are_one_round(engine: Engine, tmp_path: Path) -> None:
    for number in (1, 0):
        write(
            engine,
            *(
                structs.replace(
                    night(number, user_id=user),
                    task_id=f"{number}-{user}",
                    status=RunStatus.FAILED if user < 30 and not number else RunStatus.SUCCESS,
                    error=ErrorInfo("KeyError", "'term'") if user < 30 else None,
                )
                for user in range(100)
            ),
        )
    scene = Scene(engine, tmp_path)

    scene.now += 5 * MINUTE
    (finding,) = judge(scene.gatherer.gather()).findings
    assert (finding.kind, finding.run_count, finding.user_count) == (IncidentKind.FAILING, 30, 30)


def test_only_what_has_changed_is_read_again(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(60)))
    scene = Scene(engine, tmp_path)
    scene.kinds()
    before = scene.gatherer.gather().syncs["full"]
    rows: list[int] = []

    def count(_connection: Any, cursor: Any, *_: Any) -> None:
        rows.append(cursor.rowcount)

    event.listen(engine, "after_cursor_execute", count)
    after = scene.gatherer.gather().syncs["full"]
    event.remove(engine, "after_cursor_execute", count)
    assert after is before
    assert len(rows) <= 6


def test_while_the_database_is_away_memory_serves(engine: Engine, tmp_path: Path) -> None:
    write(engine, *(night(number) for number in range(20)))
    scene = Scene(engine, tmp_path)
    assert scene.kinds() == []
    gone = open_engine("sqlite:////proc/nowhere/runs.sqlite3")
    scene.gatherer._engine = gone

    assert scene.kinds(0) == []
    assert scene.kinds(2) == [IncidentKind.DATABASE_UNREACHABLE]
    facts = scene.gatherer.gather()
    assert facts.database.reason
    assert facts.database.since == NIGHT + 35 * MINUTE
    assert len(facts.syncs["full"].runs) == 20
    scene.gatherer._engine = engine
    assert scene.kinds(1) == []
    gone.dispose()


def test_losses_and_refusals_are_noticed_when_they_happen(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "metrics"
    folder.mkdir(parents=True)
    sink = MetricsSink(folder)
    sink.count_dropped("log", "disk_full", 5)
    scene = Scene(engine, tmp_path)

    assert scene.kinds() == []
    sink.count_dropped("log", "disk_full", 2)
    assert scene.kinds() == [IncidentKind.TELEMETRY_DROPPED]
    (drop,) = scene.gatherer.gather().dropped
    assert (drop.sink, drop.reason, drop.count, drop.since) == ("log", "disk_full", 2, scene.now)
    sink.close(1.0)


def test_samples_of_folders_are_kept_for_as_long_as_they_are_needed(
    engine: Engine, tmp_path: Path
) -> None:
    scene = Scene(engine, tmp_path)
    for _ in range(8 * 60):
        scene.now += MINUTE
        facts = scene.gatherer.gather()

    assert 420 <= len(facts.disk_free) <= 423
    assert 15 <= len(facts.spool) <= 18
    assert facts.log_folder is not None
    assert facts.log_folder.problem == ""
