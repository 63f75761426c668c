"""What is expected of each sync type, from all sources together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.judge.expectations import expectations
from canvas_sync_exporter.settings import full_configuration

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NIGHTLY = [datetime(2026, 6, 3, 0, 0, 2, tzinfo=UTC) - timedelta(days=n) for n in range(35, -1, -1)]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def _expect(
    config_file: Path, text: str, starts: Mapping[str, Sequence[datetime]], intervals: str = ""
) -> dict[str, Expectation]:
    config_file.write_text(text)
    config = full_configuration(
        {"CANVAS_SYNC_CONFIG": str(config_file), "CANVAS_SYNC_EXPECTED_INTERVALS": intervals}
    )
    return {each.sync_type: each for each in expectations(config, starts, NOW, BERLIN)}


def test_a_sync_type_without_schedule_and_history_promises_nothing(config_file: Path) -> None:
    assert _expect(config_file, "", {"full": []}) == {}


def test_a_schedule_of_the_file_wins_over_the_past(config_file: Path) -> None:
    text = '[syncs.full]\nschedule = "0 4 * * *"\ngrace = "45m"\nmax_duration = "3h"'

    full = _expect(config_file, text, {"full": NIGHTLY})["full"]

    assert full.source is ExpectationSource.FILE
    assert full.schedule.next_due(NOW) == datetime(2026, 6, 4, 4, tzinfo=UTC)
    assert (full.grace, full.max_duration) == (0.75 * HOUR, 3 * HOUR)


def test_the_environment_wins_over_the_schedule_of_the_file_and_over_nothing_else(
    config_file: Path,
) -> None:
    text = (
        '[syncs.full]\nschedule = "0 4 * * *"\ngrace = "45m"\n[syncs.full.max_age]\ngrade = "26h"'
    )

    full = _expect(config_file, text, {"full": NIGHTLY}, "full=24h")["full"]

    assert full.source is ExpectationSource.ENVIRONMENT
    assert full.schedule.next_due(NOW) == NIGHTLY[-1] + 24 * HOUR
    assert (full.grace, full.max_age) == (0.75 * HOUR, {"grade": 26 * HOUR})


def test_what_the_file_leaves_open_is_learned(config_file: Path) -> None:
    full = _expect(config_file, '[syncs.full]\nmax_duration = "3h"', {"full": NIGHTLY})["full"]

    assert full.source is ExpectationSource.LEARNED
    assert full.max_duration == 3 * HOUR
    assert full.schedule.describe() == "every day about 02:00"


@pytest.mark.parametrize(
    ("schedule", "grace"),
    [
        ('schedule = "0 2 * * *"', HOUR),
        ('every = "15m"', timedelta(minutes=5)),
        ('schedule = "0 * * * *"', timedelta(minutes=15)),
    ],
)
def test_without_a_grace_a_run_may_be_late_by_a_quarter_of_the_interval(
    config_file: Path, schedule: str, grace: timedelta
) -> None:
    assert _expect(config_file, f"[syncs.full]\n{schedule}", {})["full"].grace == grace


def test_times_are_on_the_clock_of_the_sync_type(config_file: Path) -> None:
    text = '[syncs.full]\nschedule = "0 2 * * *"\ntimezone = "America/New_York"'

    full = _expect(config_file, text, {})["full"]

    assert full.schedule.next_due(NOW) == datetime(2026, 6, 4, 6, tzinfo=UTC)
