"""``run --notify``: a failure is sent if no exporter would send it, and so is the recovery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.settings import Settings, read
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from support.message_server import Receiver, http_answer, receiving
from support.tables import create_tables
from support.wrapper import TIMEOUT, last_run, run


@pytest.fixture(autouse=True)
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CANVAS_SYNC_STRICT")


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as started:
        file = tmp_path / "config.toml"
        file.write_text(f'[messages.webhook]\nurl = "{started.url}/canvas"\n')
        monkeypatch.setenv("CANVAS_SYNC_CONFIG", str(file))
        yield started


def messages(receiver: Receiver) -> list[dict[str, Any]]:
    """What has arrived since the last call."""
    return [json.loads(receiver.requests.get().body) for _ in range(receiver.requests.qsize())]


def answer_with(receiver: Receiver, *statuses: int) -> None:
    """Answer with these statuses, one after the other."""
    remaining = iter(statuses)
    receiver.answer = lambda _: [http_answer(next(remaining))]


def note_exporter(age: timedelta) -> None:
    engine = open_engine(read(Settings, os.environ).resolved_database_url)
    create_tables(engine)
    note_judging(engine, JudgeRow("exporter", datetime.now(UTC) - age))
    engine.dispose()


def test_a_failure_is_sent_without_an_exporter(receiver: Receiver) -> None:
    done = run("--notify", "--sync-type", "nightly", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    (message,) = messages(receiver)
    assert (message["title"], message["status"]) == ("sh failed", "critical")
    assert "exit code 3" in message["summary"]
    facts = {fact["name"]: fact["value"] for fact in message["sections"][0]["facts"]}
    assert facts["Sync type"] == "nightly"
    assert facts["Run"] == last_run()["task_id"]
    assert f"search --task {last_run()['task_id']}" in str(message["sections"][1])


def test_nothing_is_sent_on_success(receiver: Receiver) -> None:
    done = run("--notify", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert messages(receiver) == []


def test_a_failure_that_goes_on_is_sent_once_and_so_is_its_end(receiver: Receiver) -> None:
    script = Path(os.environ["CANVAS_SYNC_LOG_DIR"]).parent / "sync.sh"
    for code in (1, 1, 0, 0, 1):
        script.write_text(f"exit {code}")
        run("--notify", "--", "sh", str(script))
    failed, recovered, failed_again = messages(receiver)
    titles = [each["title"] for each in (failed, recovered, failed_again)]
    assert titles == ["sync.sh failed", "sync.sh works again", "sync.sh failed"]
    assert recovered["status"] == "good"
    assert recovered["thread"] == failed["id"]


def test_a_running_exporter_sends_the_failure_instead(receiver: Receiver) -> None:
    note_exporter(timedelta(seconds=20))
    assert run("--notify", "--", "false").returncode == 1
    assert messages(receiver) == []


def test_an_exporter_that_has_stopped_sends_nothing(receiver: Receiver) -> None:
    note_exporter(timedelta(minutes=10))
    assert run("--notify", "--", "false").returncode == 1
    assert len(messages(receiver)) == 1


def test_a_failure_is_sent_while_the_database_is_away(receiver: Receiver) -> None:
    url = "postgresql://u:hidden@127.0.0.1:1/app"
    done = run("--notify", "--", "false", CANVAS_SYNC_DATABASE_URL=url)
    assert done.returncode == 1
    assert len(messages(receiver)) == 1
    assert "hidden" not in done.stderr


def test_a_command_that_was_stopped_is_not_reported(receiver: Receiver) -> None:
    run("--notify", "--", "sh", "-c", "kill -TERM $PPID; sleep 600")
    assert messages(receiver) == []


def test_a_message_that_cannot_be_sent_is_reported_and_sent_at_the_next_failure(
    receiver: Receiver,
) -> None:
    answer_with(receiver, 404, 200)
    done = run("--notify", "--", "false")
    assert done.returncode == 1
    assert "the message to webhook was not sent: " in done.stderr
    assert "/canvas" not in done.stderr
    run("--notify", "--", "false")
    assert [message["title"] for message in messages(receiver)] == ["false failed"] * 2


def test_a_temporary_error_is_overcome(receiver: Receiver) -> None:
    answer_with(receiver, 503, 200)
    done = run("--notify", "--", "false")
    assert "not sent" not in done.stderr
    assert len(messages(receiver)) == 2


def test_a_destination_with_a_mistake_does_not_stop_the_others(
    receiver: Receiver, tmp_path: Path
) -> None:
    with (tmp_path / "config.toml").open("a") as file:
        file.write('[messages.apprise]\nurl = "foo://bar"\n')
    done = run("--notify", "--", "false")
    assert len(messages(receiver)) == 1
    assert "no message is sent to apprise: " in done.stderr
    assert "no destination" not in done.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "no destination in the configuration file receives critical incidents"),
        ("[messages.webhook]\nurl = 'x'\nkinds = 'daily'\n", "line 2: messages.webhook.url"),
        ("[messages.webhook]\nurl = 'http://127.0.0.1:1/x'\nkinds = 'daily'\n", "no destination"),
    ],
)
def test_a_configuration_by_which_nothing_can_be_sent_is_reported(
    tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "config.toml").write_text(content)
    done = run("--notify", "--", "false", CANVAS_SYNC_CONFIG=str(tmp_path / "config.toml"))
    assert done.returncode == 1
    assert complaint in done.stderr


def test_secrets_of_the_command_are_in_no_message(receiver: Receiver) -> None:
    run("--notify", "--", "sync --token 7~a1B2c3D4a1B2c3D4a1B2c3D4")
    (message,) = messages(receiver)
    assert "a1B2" not in json.dumps(message)


def test_a_webhook_needs_nothing_that_the_exporter_brings(receiver: Receiver) -> None:
    program = (
        "import sys\n"
        "for name in ('flask', 'waitress', 'apscheduler', 'isal', 're2', 'babel', 'slack_sdk'):\n"
        "    sys.modules[name] = None\n"
        "from canvas_sync_exporter.cli import main\n"
        "sys.exit(main(['run', '--notify', '--', 'sh', '-c', 'exit 9']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=TIMEOUT, check=False)
    assert done.returncode == 9
    assert len(messages(receiver)) == 1
