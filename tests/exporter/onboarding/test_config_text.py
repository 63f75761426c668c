"""The configuration file that is written means what was asked for."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.config_file.config_file import ConfigFile, read_config_file
from canvas_sync_exporter.onboarding.config_text import config_text
from canvas_sync_exporter.onboarding.planned_sync import PlannedSync, Timing
from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob
from canvas_sync_exporter.schedules.sync_types import is_sync_type

sync_types = st.text(min_size=1, max_size=64).filter(is_sync_type)
timings = st.sampled_from(
    [Timing(), Timing(schedule="30 2 * * 1-5"), Timing(schedule="@hourly"), Timing(every="1h30m")]
)
jobs = st.none() | st.builds(
    ScheduledJob,
    place=st.just("line 3 of the crontab"),
    schedule=st.just("30 2 * * *"),
    zone=st.just("UTC"),
    program=st.builds(Program, command=st.text(), script=st.none()),
)
syncs = st.builds(
    PlannedSync,
    sync_type=sync_types,
    timing=timings,
    zone=st.sampled_from(["", "Europe/Berlin"]),
    job=jobs,
)


def read(text: str) -> ConfigFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(text, encoding="utf-8")
        os.utime(path, (0, 0))  # so that it counts as written long ago
        return read_config_file(path, UTC, {})


@given(st.lists(syncs, max_size=4, unique_by=lambda sync: sync.sync_type))
def test_any_sync_is_read_back(planned: list[PlannedSync]) -> None:
    found = read(config_text(planned)).syncs

    assert list(found) == [sync.sync_type for sync in planned]
    for sync in planned:
        settings = found[sync.sync_type]
        assert (settings.schedule is None) == (not sync.timing.schedule)
        assert (settings.every is None) == (not sync.timing.every)
        if sync.timing.schedule:
            assert str(settings.zone) == (sync.zone or "UTC")


def test_the_file_says_where_the_schedule_comes_from() -> None:
    program = Program("python nightly.py", Path("nightly.py"))
    job = ScheduledJob("line 3 of the crontab", "30 2 * * *", "Europe/Berlin", program)
    sync = PlannedSync('a "b"', Timing(schedule=job.schedule), job.zone, job)

    assert config_text([sync, PlannedSync("full")]).splitlines()[3:] == [
        '[syncs."a \\"b\\""]',
        "# line 3 of the crontab: python nightly.py",
        'schedule = "30 2 * * *"',
        'timezone = "Europe/Berlin"',
        "",
        "[syncs.full]",
        '# Learned from its runs, unless you write schedule = "0 2 * * *" or every = "15m".',
    ]
