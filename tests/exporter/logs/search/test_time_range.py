"""A time range finds exactly the lines that a search of everything finds in it."""

from __future__ import annotations

import datetime as dt
import os
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import FoundLine, LineFilter, LogSearch, backwards, time_range
from canvas_sync_exporter.logs.search.line_times import LineTimes
from canvas_sync_exporter.logs.search.time_range import LATENESS, part_in_range

CLOCKS_GO_BACK = dt.datetime(2025, 10, 26, 1, tzinfo=dt.UTC)  # in Berlin, from 03:00 to 02:00
BERLIN = ZoneInfo("Europe/Berlin")
TROLL = ZoneInfo("Antarctica/Troll")  # where they go back by two hours at that moment
ZONES = st.sampled_from([dt.UTC, BERLIN, TROLL])
KINDS = st.sampled_from(["json", "json", "text", "torn", "garbage", "blank", "long"])
GAPS = st.sampled_from([0, 1, 1, 60, 300, 1800])
MINUTES = st.integers(-200, 400)


WITHOUT_TIME = {
    "garbage": b"\xff\x00 garbage\n",
    "blank": b"\n",
    "long": b'{"x":"%b"}\n' % (b"x" * 900),
}


def line(kind: str, moment: dt.datetime, zone: dt.tzinfo) -> bytes:
    if kind in WITHOUT_TIME:
        return WITHOUT_TIME[kind]
    human = f"[{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}] ERROR: late - user_id: 4 - course_id: 7"
    if kind == "text":
        return f"{human}\n".encode()
    time = f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
    own = f'{{"timestamp":"{time}","level":"ERROR","message":"{human}"}}\n'.encode()
    return own[:50] + own if kind == "torn" else own


def search(folder: Path, wanted: LineFilter, zone: dt.tzinfo) -> list[FoundLine]:
    with closing(LogSearch(folder, folder / "archive", wanted, limit=10_000, zone=zone)) as made:
        return list(made)


def check(
    files: list[bytes], zone: dt.tzinfo, since: dt.datetime | None, until: dt.datetime | None
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for number, content in enumerate(reversed(files)):
            (folder / f"errors.log{f'.{number}' * bool(number)}").write_bytes(content)
        wanted = LineFilter(logs=(Log.ERRORS,), since=since, until=until)
        everything = search(folder, LineFilter(logs=(Log.ERRORS,)), zone)
        assert search(folder, wanted, zone) == [
            found
            for found in everything
            if (since is None or found.time >= since) and (until is None or found.time < until)
        ]


@st.composite
def ordered_lines(draw: st.DrawFn, zone: dt.tzinfo) -> list[bytes]:
    """Lines of several processes, each up to ten minutes late."""
    moment = CLOCKS_GO_BACK - dt.timedelta(hours=2)
    lines = []
    for gap, late, kind in draw(
        st.lists(st.tuples(GAPS, st.integers(0, 599), KINDS), min_size=1, max_size=60)
    ):
        moment += dt.timedelta(seconds=gap)
        lines.append(line(kind, moment - dt.timedelta(seconds=late), zone))
    return lines


@settings(max_examples=150, deadline=None)
@given(data=st.data(), zone=ZONES, pages=st.integers(1, 20), page=st.integers(200, 2000))
def test_the_range_is_found_however_few_places_are_read_if_lines_are_nearly_in_order(
    data: st.DataObject, zone: dt.tzinfo, pages: int, page: int
) -> None:
    lines = data.draw(ordered_lines(zone))
    cut = data.draw(st.integers(0, len(lines)))
    since, until = (data.draw(st.none() | MINUTES) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_range, "_PLACES", pages)
        patch.setattr(time_range, "_PAGE", page)
        patch.setattr(backwards, "_BLOCK", 500)
        check([b"".join(lines[:cut]), b"".join(lines[cut:])], zone, _at(since), _at(until))


@settings(max_examples=150, deadline=None)
@given(
    zone=ZONES,
    lines=st.lists(st.tuples(KINDS, MINUTES), min_size=1, max_size=40).flatmap(
        lambda lines: st.sampled_from([lines, [*sorted(lines[:-1], key=itemgetter(1)), lines[-1]]])
    ),
    span=st.tuples(st.none() | MINUTES, st.none() | MINUTES),
    page=st.sampled_from([300, 4096]),
)
def test_the_range_is_found_in_lines_of_any_order_if_every_place_is_read(
    zone: dt.tzinfo,
    lines: list[tuple[str, int]],
    span: tuple[int | None, int | None],
    page: int,
) -> None:
    written = b"".join(
        line(kind, CLOCKS_GO_BACK + dt.timedelta(minutes=minute), zone) for kind, minute in lines
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_range, "_PAGE", page)
        patch.setattr(backwards, "_BLOCK", 500)
        check([written], zone, *map(_at, span))


def _at(minute: int | None) -> dt.datetime | None:
    return None if minute is None else CLOCKS_GO_BACK + dt.timedelta(minutes=minute)


def part(path: Path, since: int | None, until: int | None, zone: dt.tzinfo = dt.UTC) -> list[int]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return [
            *part_in_range(file.fileno(), size, LineTimes(zone), _at(since), _at(until)),
            size,
        ]


def write(path: Path, minutes: list[int], kind: str = "json", zone: dt.tzinfo = dt.UTC) -> None:
    times = [CLOCKS_GO_BACK + dt.timedelta(minutes=minute) for minute in minutes]
    path.write_bytes(b"".join(line(kind, moment, zone) for moment in times))


def test_little_more_than_the_range_is_searched_in_a_large_file(tmp_path: Path) -> None:
    write(tmp_path / "log", list(range(40_000)))
    low, high, size = part(tmp_path / "log", 20_000, 20_060)
    assert 0 < high - low < size / 100


def test_a_clock_that_is_set_back_makes_the_whole_file_searched(tmp_path: Path) -> None:
    write(tmp_path / "log", [*range(20_000), *range(19_900, 40_000)])
    low, high, size = part(tmp_path / "log", 30_000, 30_060)
    assert (low, high) == (0, size)


def test_a_clock_that_is_set_back_by_less_than_the_tolerance_changes_nothing(
    tmp_path: Path,
) -> None:
    back = int(LATENESS.total_seconds() // 60) - 1
    write(tmp_path / "log", [*range(20_000), *range(20_000 - back, 40_000)])
    low, high, size = part(tmp_path / "log", 30_000, 30_060)
    assert high - low < size / 100


@pytest.mark.parametrize("zone", [BERLIN, TROLL])
def test_the_end_of_summer_time_does_not_count_as_disorder(tmp_path: Path, zone: dt.tzinfo) -> None:
    write(tmp_path / "log", list(range(-20_000, 20_000)), "text", zone)
    low, high, size = part(tmp_path / "log", 10_000, 10_060, zone)
    assert high - low < size / 100


def test_a_file_without_times_is_searched_from_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"garbage\n" * 1000)
    assert part(tmp_path / "log", 0, 1) == [0, 8000, 8000]
