"""The volume of the logs is exact where it says so, and a good estimate elsewhere."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search.time_range import LATENESS
from canvas_sync_exporter.logs.sidecars import complete_sidecars
from canvas_sync_exporter.logs.volume import Volume, log_volume, plain_volume
from canvas_sync_exporter.logs.volume.plain_volume import PlainVolume
from support.log_folders import EPOCH, counted_reads, json_line, lay_out, record, text_line

LEVELS = st.sampled_from(["INFO", "WARNING", "ERROR"])
FORMS = st.sampled_from([json_line, json_line, text_line])


def _volume(
    folder: Path, seconds: int = 3600, at_most: int = 60, logs: tuple[Log, ...] = tuple(Log)
) -> Volume:
    return log_volume(
        folder,
        folder / "archive",
        logs=logs,
        since=EPOCH,
        until=EPOCH + dt.timedelta(seconds=seconds),
        at_most=at_most,
    )


def _by_bucket(volume: Volume) -> dict[int, int]:
    starts = {each.start: each.lines for each in volume.buckets if each.lines}
    return {int((start - EPOCH).total_seconds()): lines for start, lines in starts.items()}


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    lines=st.lists(st.tuples(st.integers(-60, 4000), LEVELS, FORMS), max_size=40),
)
def test_small_files_and_archives_are_counted(
    data: st.DataObject, lines: list[tuple[int, str, Callable[[dict[str, Any]], bytes]]]
) -> None:
    """By level, too; of the text format the line says no level here, so the JSON lines count."""
    lines.sort(key=lambda each: each[0])
    written = [form(record(Log.ERRORS, at, level=level)) for at, level, form in lines]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), min_size=3, max_size=3)))
    bounds = zip([0, *cuts], [*cuts, len(lines)], strict=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        archived = data.draw(st.integers(0, 2))
        lay_out(folder, Log.ERRORS, [written[a:b] for a, b in bounds], archived)
        assert complete_sidecars(folder / "archive", dt.UTC, seconds=60) == []
        volume = _volume(folder)
    assert (volume.step_seconds, len(volume.buckets)) == (60, 60)
    expected = Counter(at // 60 * 60 for at, *_ in lines if 0 <= at < 3600)
    assert _by_bucket(volume) == expected
    assert not any(each.is_estimate for each in volume.buckets)
    assert (volume.disordered, volume.not_counted, volume.problems) == ([], [], [])
    errors = sum(
        level == "ERROR" or form is text_line for at, level, form in lines if 0 <= at < 3600
    )
    assert sum(each.levels.get("ERROR", 0) for each in volume.buckets) == errors


def test_a_large_file_is_estimated_from_a_small_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    times = sorted(chance.triangular(0, 3600, 2000) for _ in range(20_000))
    lines = [
        json_line(record(Log.ERRORS, at, level=chance.choice(["ERROR", "INFO"]), error="x" * 300))
        for at in times
    ]
    lay_out(tmp_path, Log.ERRORS, [lines], 0)
    monkeypatch.setattr(plain_volume, "_SAMPLES", 64)
    monkeypatch.setattr(plain_volume, "_COUNTED_BYTES", 10_000)
    read = counted_reads(monkeypatch)
    volume = _volume(tmp_path, at_most=20)
    expected = Counter(int(at // 300 * 300) for at in times)
    assert volume.step_seconds == 300
    for start, count in _by_bucket(volume).items():
        assert count == pytest.approx(expected[start], rel=0.02, abs=2)
    assert any(each.is_estimate for each in volume.buckets)
    shares = [each.levels["ERROR"] / each.lines for each in volume.buckets if each.lines > 500]
    assert all(0.25 < share < 0.75 for share in shares)
    assert sum(read) < sum(map(len, lines)) / 4


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.sampled_from([0, 0, 1, 60]), min_size=1, max_size=60),
    sizes=st.lists(st.sampled_from([1, 1, 200, 9000]), min_size=60, max_size=60),
    edge=st.integers(-10, 4000),
    most=st.sampled_from([1, 3, 256]),
)
def test_bisection_finds_the_first_line_at_or_after_a_time(
    steps: list[int], sizes: list[int], edge: int, most: int
) -> None:
    """Also among lines that are longer than a page."""
    times, lines, second = [], [], 0
    for step, size in zip(steps, sizes, strict=False):
        second += step
        times.append(second)
        lines.append(json_line(record(Log.ERRORS, second, error="x" * size)))
    raw = b"".join(lines)
    expected = sum(len(line) for line, at in zip(lines, times, strict=True) if at < edge)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_volume, "_SAMPLES", most)
        path = Path(name) / "errors.log"
        path.write_bytes(raw)
        with path.open("rb") as file:
            plain = PlainVolume(file.fileno(), len(raw), Log.ERRORS, dt.UTC)
            samples = plain._samples()
            assert samples is not None
            assert plain._offset(EPOCH + dt.timedelta(seconds=edge), samples) == expected


@settings(max_examples=40, deadline=None)
@given(late=st.lists(st.integers(0, int(LATENESS.total_seconds())), min_size=200, max_size=200))
def test_late_lines_are_neither_lost_nor_duplicated(late: list[int]) -> None:
    lines = [
        json_line(record(Log.ERRORS, 4000 + 10 * number - by, error="x" * 500))
        for number, by in enumerate(late)
    ]
    with TemporaryDirectory() as name:
        lay_out(Path(name), Log.ERRORS, [lines], 0)
        volume = _volume(Path(name), seconds=8000, at_most=200)
    assert volume.disordered == []
    assert sum(each.lines for each in volume.buckets) == 200


def test_a_file_that_is_not_in_the_order_of_time_is_named(tmp_path: Path) -> None:
    times = [*range(3000, 3600), *range(600)]
    lines = [json_line(record(Log.ERRORS, at, error="x" * 900)) for at in times]
    lay_out(tmp_path, Log.ERRORS, [lines], 0)
    volume = _volume(tmp_path, at_most=12)
    assert volume.disordered == ["errors.log"]
    assert sum(each.lines for each in volume.buckets) == pytest.approx(1200, rel=0.05)
    assert all(each.is_estimate for each in volume.buckets if each.lines)
    assert set(_by_bucket(volume)) == {0, 300, 3000, 3300}


def test_what_cannot_be_counted_is_named(tmp_path: Path) -> None:
    lay_out(tmp_path, Log.ERRORS, [[json_line(record(Log.ERRORS, 1))]] * 2, 1)
    (tmp_path / "progress.log.1.gz").write_bytes(b"packed")
    volume = _volume(tmp_path)
    assert volume.not_counted == ["errors-20251222T030000Z.tar.gz", "progress.log.1.gz"]
    assert _volume(tmp_path, logs=(Log.DATABASE,)).not_counted == []


def test_minutes_of_archives_are_spread_over_shorter_buckets(tmp_path: Path) -> None:
    lines = [json_line(record(Log.ERRORS, at)) for at in range(60)]
    lay_out(tmp_path, Log.ERRORS, [lines, []], 1)
    complete_sidecars(tmp_path / "archive", dt.UTC, seconds=60)
    volume = _volume(tmp_path, seconds=120, at_most=12)
    assert [each.lines for each in volume.buckets] == [10] * 6 + [0] * 6
    assert [each.is_estimate for each in volume.buckets] == [True] * 6 + [False] * 6


def test_an_empty_folder_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "errors.log").touch()
    assert _by_bucket(_volume(tmp_path)) == {}
