"""``canvas-sync-monitor config check``: what a configuration file means, or what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.cli import main
from support.runs import snapshot, write
from support.tables import create_tables

GOOD = """\
[syncs.full]
schedule = "0 2 * * *"
grace = "45m"
max_duration = "3h"
max_age = { grade = "26h" }
[syncs.grades]
max_duration = "1h"
[[pauses]]
syncs = ["full"]
from = 2026-12-19
until = 2027-01-07
reason = "winter break"
[heartbeat]
url = "https://user:secret@hc.example.edu/ping/4711"
[links]
grafana_url = "https://grafana.example.edu"
trace_url = "https://jaeger.example.edu/trace/{trace_id}"
[hosts]
sync-1 = "https://sync-1.example.edu"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANVAS_SYNC_TIMEZONE", "Europe/Berlin")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@time_machine.travel("2026-11-29T12:00:00Z", tick=False)
def test_it_shows_what_was_understood(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.toml").write_text(GOOD)

    assert main(["config", "check", "config.toml"]) == 0

    printed = capsys.readouterr()
    assert printed.out == (
        "config.toml can be used.\n"
        "Times are in Europe/Berlin.\n"
        "\n"
        "full: at 02:00 every day (Europe/Berlin), from the configuration file\n"
        "  due Mon 2026-11-30 02:00, Tue 2026-12-01 02:00, Wed 2026-12-02 02:00\n"
        "  a run may start 45m late; may take 3h; grade items may be 1d2h old\n"
        "\n"
        "grades: learned once it has run\n"
        "\n"
        "pauses:\n"
        "  full: Sat 2026-12-19 00:00 to Thu 2027-01-07 00:00, winter break "
        "(the configuration file)\n"
        "\n"
        "heartbeat: to hc.example.edu\n"
        "\n"
        "links: dashboards at https://grafana.example.edu, traces at jaeger.example.edu\n"
        "\n"
        "hosts:\n"
        "  sync-1: https://sync-1.example.edu\n"
    )
    assert printed.err == ""
    assert list(folder.iterdir()) == [folder / "config.toml"]


def test_it_shows_who_receives_which_messages(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(
        '[messages.reports]\nkinds = ["daily", "monthly"]\n'
        '[messages.slack]\ntoken = "xoxb-T0Secret"\nchannel = "#canvas"\n'
        '[[messages.webhook]]\nname = "a"\nurl = "https://example.edu/T0Secret"\n'
        'severities = ["critical"]\nsync_types = ["full"]\nkinds = "incident"\n'
        '[[messages.webhook]]\nname = "b"\nurl = "https://example.edu/T0Secret"\n'
        'kinds = "weekly"\n'
    )
    assert main(["config", "check", "config.toml"]) == 0
    printed = capsys.readouterr()
    assert printed.out.endswith(
        "messages:\n"
        "  slack: incident, daily, monthly\n"
        "  webhook.a: incident; only critical incidents; incidents of full\n"
        "  webhook.b: nothing\n"
    )
    assert "T0Secret" not in printed.out + printed.err


def test_incidents_that_alertmanager_reports_are_not_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(
        '[messages]\nincidents = false\n[messages.webhook]\nurl = "https://example.edu/"\n'
    )
    assert main(["config", "check", "config.toml"]) == 0
    assert "webhook: daily, weekly, monthly, performance, failures\n" in capsys.readouterr().out


def test_a_mistake_is_reported_with_file_and_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(GOOD.replace("grace", "grcae").replace("0 2 *", "0 25 *"))

    assert main(["config", "check", "config.toml"]) == 2

    printed = capsys.readouterr()
    assert "config.toml, line 2: syncs.full.schedule: '0 25 * * *' cannot be used: " in printed.err
    assert "config.toml, line 3: syncs.full.grcae: unknown key; did you mean `grace`?" in (
        printed.err
    )
    assert printed.out == ""


def test_without_an_argument_it_checks_the_file_that_the_exporter_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check"]) == 0
    assert "There is no configuration file.\n" in capsys.readouterr().out

    (folder / "named.toml").write_text("[syncs.full]\nevery = '1h'\n")
    monkeypatch.setenv("CANVAS_SYNC_CONFIG", "named.toml")

    assert main(["config", "check"]) == 0
    assert "full: every hour, from the configuration file\n" in capsys.readouterr().out


def test_a_sync_type_that_has_never_run_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{folder / 'syncs.sqlite3'}"
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", url)
    engine = open_engine(url)
    create_tables(engine)
    write(engine, snapshot("one"))
    engine.dispose()
    (folder / "config.toml").write_text("[syncs.fulll]\nevery = '1h'\n")

    assert main(["config", "check", "config.toml"]) == 0

    warning = "warning: There is no run of `fulll` so far; did you mean `full`?\n"
    assert capsys.readouterr().err == warning


def test_a_key_that_has_moved_is_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text("[messages]\npage_url = 'https://sync.example.edu'\n")

    assert main(["config", "check", "config.toml"]) == 0

    printed = capsys.readouterr()
    assert printed.err == (
        "warning: config.toml, line 2: messages.page_url: deprecated; "
        "write it below [links] instead.\n"
    )
    assert "links: web pages at https://sync.example.edu\n" in printed.out


def test_a_database_that_is_away_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    (folder / "config.toml").write_text(GOOD)

    assert main(["config", "check", "config.toml"]) == 0
    assert capsys.readouterr().err.startswith("warning: The past runs cannot be read: ")


def test_quiet_hours_are_shown_with_their_zone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(
        '[messages]\nquiet_hours = "Mon-Fri 20:00-07:00"\n'
        '[messages.webhook]\nurl = "https://example.edu/"\n'
    )
    assert main(["config", "check", "config.toml"]) == 0
    assert capsys.readouterr().out.endswith(
        "  quiet hours: Mon-Fri 20:00-07:00 (Europe/Berlin), except for critical incidents\n"
    )


@pytest.mark.parametrize(
    ("destination", "mistake"),
    [
        ('[messages.apprise]\nurl = "foo://bar"', "messages.apprise.url: Apprise does not know"),
        (
            '[messages.webhook]\nurl = "https://a.example/x"\nsecret = "whsec_%%"',
            "messages.webhook.secret: what follows whsec_ is not base64",
        ),
    ],
)
def test_a_destination_with_which_the_exporter_does_not_start_is_rejected(
    destination: str, mistake: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(destination)

    assert main(["config", "check", "config.toml"]) == 2

    printed = capsys.readouterr()
    assert mistake in printed.err
    assert "can be used" not in printed.out
