"""The cache: nothing is read twice, and nothing stale or damaged is believed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis import analyze as analyze_module
from canvas_sync_exporter.logs.analysis.analyze import Analysis, analyze
from canvas_sync_exporter.logs.analysis.cache import cache_path
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.scan import Chunk, Scanned, scan
from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from support.sync_logs import generate, line_of_record

CALLS = [line_of_record(record) for record in generate(40)[Log.API_CALLS]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each chunk that is read has."""
    sizes: list[int] = []

    def counting_scan(chunk: Chunk) -> Scanned:
        sizes.append(chunk.size)
        return scan(chunk)

    monkeypatch.setattr(analyze_module, "scan", counting_scan)
    return sizes


@pytest.fixture
def live(tmp_path: Path) -> Path:
    live = tmp_path / "api_calls.log"
    live.write_bytes(b"".join(CALLS[:50]))
    return live


def calls(live: Path) -> Analysis:
    return analyze(live.parent, live.parent / "archive", Selection())


def count(live: Path) -> int:
    section = calls(live).summaries[Log.API_CALLS].section
    return sum(sketch.count for sketch in section.groups.values())


def append(live: Path, content: bytes) -> None:
    with live.open("ab") as file:
        file.write(content)


def test_a_second_analysis_reads_only_what_is_new(live: Path, read: list[int]) -> None:
    assert count(live) == 50
    read.clear()
    assert count(live) == 50
    assert read == []
    append(live, CALLS[50])
    assert count(live) == 51
    assert read == [len(CALLS[50])]


def test_the_summary_follows_the_live_file_through_rotation(live: Path, read: list[int]) -> None:
    count(live)
    append(live, CALLS[50])
    live.rename(live.with_name("api_calls.log.1"))
    live.write_bytes(CALLS[51])
    read.clear()
    assert count(live) == 52
    assert sorted(read) == sorted([len(CALLS[50]), len(CALLS[51])])


def test_an_archive_is_read_once(live: Path, read: list[int]) -> None:
    size = live.stat().st_size
    write_archive(
        live.parent / "archive",
        "api_calls-20260101T020000Z",
        [Member(live, "api_calls.log.1", size)],
    )
    live.unlink()
    assert count(live) == 50
    read.clear()
    assert count(live) == 50
    assert read == []


def test_a_copy_of_an_archive_that_is_damaged_in_the_middle_is_read_again(live: Path) -> None:
    live.write_bytes(random.Random(1).randbytes(60_000).replace(b"\n", b"") + b"\n")
    member = Member(live, "api_calls.log.1", live.stat().st_size)
    archive = write_archive(live.parent / "archive", "api_calls-20260101T020000Z", [member])
    live.unlink()
    assert not calls(live).problems
    content = bytearray(archive.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 100] = bytes(100)
    archive.write_bytes(content)
    assert calls(live).problems


def test_a_half_written_line_is_read_when_it_is_whole(live: Path) -> None:
    append(live, CALLS[50][:40])
    analysis = calls(live)
    assert analysis.files[0].unreadable == 0
    append(live, CALLS[50][40:])
    assert count(live) == 51


def test_a_file_with_other_content_under_the_same_name_is_read_again(live: Path) -> None:
    count(live)
    live.write_bytes(b"".join(CALLS[60:70]))
    assert count(live) == 10
    live.write_bytes(b"".join(CALLS[60:65]))  # the same first line, and shorter
    assert count(live) == 5
    live.write_bytes(CALLS[60] + b"".join(CALLS[1:90]))  # the same first line, and longer
    assert count(live) == 90


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content.replace(b" 1 ", b" 0 ", 1),
        lambda content: b"\0" * 10_000,
    ],
)
def test_a_damaged_cache_or_one_of_another_version_is_thrown_away(live: Path, damage: Any) -> None:
    count(live)
    path = cache_path(live.parent)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert count(live) == 50
    assert path.read_bytes() == whole


def test_a_fifo_in_place_of_the_cache_is_replaced(live: Path) -> None:
    path = cache_path(live.parent)
    path.parent.mkdir()
    os.mkfifo(path)
    assert count(live) == 50
    assert path.is_file()


def test_a_large_damaged_cache_is_not_read_into_memory(live: Path) -> None:
    count(live)
    with cache_path(live.parent).open("ab") as file:
        file.truncate(200 * 1024 * 1024)
    process = subprocess.run(
        [sys.executable, "-c", _ANALYZE_AND_TELL_MEMORY, str(live.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(process.stdout) < 150_000, "kB"


_ANALYZE_AND_TELL_MEMORY = """
import pathlib, sys
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.records import Selection
folder = pathlib.Path(sys.argv[1])
analyze(folder, folder / "archive", Selection())
status = pathlib.Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def test_files_that_are_gone_are_forgotten(live: Path) -> None:
    path = cache_path(live.parent)
    for number in range(5):
        live.write_bytes(b"".join(CALLS[number * 10 : number * 10 + 10]))
        count(live)
    sizes = path.stat().st_size
    live.write_bytes(b"".join(CALLS[:10]))
    count(live)
    assert path.stat().st_size == pytest.approx(sizes, rel=0.2)


def test_a_cache_that_cannot_be_written_is_reported_and_harmless(live: Path) -> None:
    (live.parent / "state").write_text("in the way")
    analysis = calls(live)
    (problem,) = analysis.problems
    assert "cannot be cached" in problem
    assert analysis.files[0].lines == 50


def test_a_big_input_is_divided_between_two_processes_with_the_same_result(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(live, b"garbage\n".join(CALLS))
    expected = calls(live)
    cache_path(live.parent).unlink()
    monkeypatch.setattr(analyze_module, "_BIG", 1)
    monkeypatch.setattr("canvas_sync_exporter.logs.analysis.scan._CHUNK_BYTES", 5_000)
    found = calls(live)
    assert found.files == expected.files
    summary, other = found.summaries[Log.API_CALLS], expected.summaries[Log.API_CALLS]
    assert (summary.first, summary.last) == (other.first, other.last)
    assert {group: calls.durations.buckets for group, calls in summary.section.groups.items()} == {
        group: calls.durations.buckets for group, calls in other.section.groups.items()
    }
