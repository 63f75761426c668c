"""Facts are read from the table, the metric files and the folders, and later only what changed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from canvas_sync_core.names import IncidentKind, MessageState
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.channels import WebhookSettings
from canvas_sync_exporter.judge.verdict import judge
from support.gathering import DAY, MINUTE, NIGHT, Scene, night
from support.messages import message
from support.runs import write


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
