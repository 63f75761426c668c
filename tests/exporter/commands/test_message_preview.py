from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import REPORT_KINDS, RunStatus
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.cli import main
from support.incidents import incident
from support.runs import snapshot, write

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def engine(emptied_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    url = emptied_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("CANVAS_SYNC_DATABASE_URL", url)
    return emptied_engine


def fill(engine: Engine) -> None:
    """Write a run for every 6 hours of the last 70 days; each tenth failed for a user."""
    error = ErrorInfo("TimeoutError", "user 4711 timed out\n\x1b[31mred")
    runs = []
    for number in range(280):
        start = (NOW - dt.timedelta(hours=6 * number + 1)).timestamp()
        is_bad = number % 10 == 5
        outcome = {"status": RunStatus.FAILED, "error": error} if is_bad else {}
        whose = {"user_id": 4711, "course_id": 4712}
        runs.append(snapshot(f"run-{number}", start_time=start, **whose, **outcome))
    write(engine, *runs)


def preview(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["messages", "preview", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_each_report_is_shown_without_any_user_or_control_character(
    kind: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(engine)

    text = preview(capsys, kind)

    assert "full" in text
    assert "Times are in UTC." in text
    assert "4711" not in text
    assert "4712" not in text
    assert "\x1b" not in text


def test_the_html_part_of_an_email_holds_the_same_figures(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(engine)

    text, html = preview(capsys, "weekly"), preview(capsys, "weekly", "--html")

    assert html.startswith("<!DOCTYPE html>")
    figures = set(re.findall(r"[0-9][0-9,.]*%?", text))
    assert len(figures) > 10
    assert not [figure for figure in figures if figure not in html]


@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_an_empty_database_has_nothing_to_report(
    kind: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ": nothing to report\n" in preview(capsys, kind)


def test_the_newest_incident_is_shown(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["messages", "preview", "incident"]) == 1
    assert "There has been no incident" in capsys.readouterr().err
    new = incident(subject="new", summary="new fails.", opened_at=NOW, updated_at=NOW)
    write_incidents(engine, [incident(), new])

    assert preview(capsys, "incident").startswith("new fails\n")


def test_the_period_is_named_by_any_date_in_it(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "October 2025" in preview(capsys, "monthly", "--period", "2025-10")
    assert "October 2025" in preview(capsys, "monthly", "--period", "2025-10-31")
    assert "Sun, 26 Oct 2025" in preview(capsys, "daily", "--period", "2025-10-26")


def test_zone_and_locale_come_from_the_configuration_file(
    engine: Engine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[messages]\ntimezone = "Europe/Berlin"\nlocale = "de_DE"\n'
        '[messages.reports]\nat = "06:00"\n'
    )
    monkeypatch.setenv("CANVAS_SYNC_CONFIG", str(file))

    text = preview(capsys, "daily", "--period", "2025-12-01")

    assert "Mo., 1. Dez. 2025" in text
    assert "So., 30. Nov., 06:00" in text
    assert "Europe/Berlin (UTC+01:00)" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["daily", "--period", "2999-01-01"], "the daily report on 2999-01-01 is made on"),
        (["daily", "--period", "yesterday"], "use a date such as 2026-11-29, or 2026-11"),
        (["incident", "--period", "2026-01-01"], "only reports have a period"),
        (["dayly"], "invalid choice: 'dayly'"),
    ],
)
def test_a_report_that_cannot_be_shown_is_wrong_usage(
    words: list[str], message: str, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["messages", "preview", *words])
    except SystemExit as end:
        code = end.code  # type: ignore[assignment]

    assert code == 2
    assert message in capsys.readouterr().err
