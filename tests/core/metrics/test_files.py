"""The metric files of one process."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from canvas_sync_core.metrics import MetricFiles, parse_file_name
from canvas_sync_core.metrics.mapped import SeriesFile
from canvas_sync_core.schema.metrics import MetricName
from support.metric_processes import count, finish, read_samples, start, total


def library_reads(folder: Path) -> dict[str, float]:
    """What prometheus-client's own collector makes of the files."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call] # has no types
    return read_samples(generate_latest(registry).decode())


def test_the_library_reads_the_same_numbers(tmp_path: Path) -> None:
    """Counters, histograms and gauges of two processes, as prometheus-client adds them up."""
    one, other = MetricFiles(tmp_path), MetricFiles(tmp_path)
    count(one, 3)
    count(other, 4)
    values = library_reads(tmp_path)
    assert total(values) == 7
    name = MetricName.DB_OPERATION_DURATION
    labels = 'operation="INSERT",table="courses"'
    assert values[f'{name}_bucket{{le="0.01",{labels}}}'] == 0
    assert values[f'{name}_bucket{{le="0.025",{labels}}}'] == 2
    assert values[f"{name}_count{{{labels}}}"] == 2
    assert values[f"{name}_sum{{{labels}}}"] == pytest.approx(0.04)
    assert values[f'{MetricName.RUNS_IN_PROGRESS}{{sync_type="full"}}'] == 2
    assert values[f'{MetricName.LAST_RUN}{{sync_type="full"}}'] == 4
    one.close()
    other.close()


def test_files_grow_and_keep_what_was_counted(tmp_path: Path) -> None:
    """Series made before and after many growths all have their values."""
    files = MetricFiles(tmp_path)
    with files.lock:
        for number in range(200):
            files.counter(MetricName.ERRORS, ("api", f"Error{number}")).add(number)
        for number in range(200):
            files.counter(MetricName.ERRORS, ("api", f"Error{number}")).add(1)
    files.close()
    values = library_reads(tmp_path)
    for number in range(200):
        name = f'{MetricName.ERRORS}{{error_type="Error{number}",operation="api"}}'
        assert values[name] == number + 1


def test_labels_that_an_app_chooses_stay_bounded(tmp_path: Path) -> None:
    """The 201st route becomes ``other``; labels that are a short list keep their values."""
    files = MetricFiles(tmp_path)
    with files.lock:
        for number in range(1000):
            labels = ("GET", f"/api/v1/r{number}", "200")
            files.counter(MetricName.API_REQUESTS, labels).add()
        files.counter(MetricName.API_REQUESTS, ("GET", "/api/v1/r7", "503")).add()
    values = library_reads(tmp_path)
    assert len(values) == 202
    name = MetricName.API_REQUESTS
    assert values[f'{name}{{method="GET",route="other",status_code="200"}}'] == 800
    assert values[f'{name}{{method="GET",route="/api/v1/r7",status_code="503"}}'] == 1
    files.close()


def test_a_value_that_utf8_cannot_carry_is_replaced(tmp_path: Path) -> None:
    """A lone surrogate in a label breaks no exposition."""
    files = MetricFiles(tmp_path)
    with files.lock:
        files.counter(MetricName.ERRORS, ("api", "Bad\udcffName")).add()
    assert any("Bad?Name" in name for name in library_reads(tmp_path))
    files.close()


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.001])
def test_a_histogram_refuses_what_would_spoil_its_sum(tmp_path: Path, value: float) -> None:
    """Not a number, infinite, negative: refused, and nothing is counted."""
    files = MetricFiles(tmp_path)
    with files.lock:
        histogram = files.histogram(MetricName.RUN_DURATION, ("full", "success"))
        with pytest.raises(ValueError, match="a histogram cannot count the value"):
            histogram.observe(value)
    assert set(library_reads(tmp_path).values()) == {0.0}
    files.close()


def test_a_name_is_of_one_kind(tmp_path: Path) -> None:
    """Asking for a counter as a gauge is an error."""
    files = MetricFiles(tmp_path)
    with files.lock:
        files.counter(MetricName.CLEANUP_RECLAIMED)
        with pytest.raises(TypeError, match="no gauge"):
            files.gauge(MetricName.CLEANUP_RECLAIMED)
    files.close()


def test_threads_lose_no_count(tmp_path: Path) -> None:
    """Four threads that count under the lock add up."""
    files = MetricFiles(tmp_path)

    def work() -> None:
        for _ in range(2000):
            with files.lock:
                files.counter(MetricName.LOG_RECORDS, ("operations", "INFO")).add()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(library_reads(tmp_path)) == 8000
    files.close()


def test_updates_after_the_close_go_nowhere(tmp_path: Path) -> None:
    """A late event neither raises nor changes the files."""
    files = MetricFiles(tmp_path)
    count(files, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files.close()
    count(files, 1)
    with files.lock:
        files.counter(MetricName.ERRORS, ("late", "Error")).add()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_forked_child_has_files_of_its_own(tmp_path: Path) -> None:
    """The child starts at 0, and nothing of the parent's is counted twice."""
    assert finish(start("counting", tmp_path, 5, "fork")) == "counted\n"
    owners = {parsed[1] for path in tmp_path.iterdir() if (parsed := parse_file_name(path.name))}
    assert len(owners) == 2
    assert total(library_reads(tmp_path)) == 10


def test_a_child_does_not_keep_its_parents_files_locked(tmp_path: Path) -> None:
    """While a forked child lives on, the files of its dead parent are seen as dead."""
    program = f"""
import os, sys
from pathlib import Path
from support.metric_processes import MetricFiles, count
files = MetricFiles(Path({str(tmp_path)!r}))
count(files, 1)
if os.fork():
    os._exit(0)
files.after_fork_in_child()
print("child", flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "child\n"
    child.wait(600)  # the parent; the child still waits for its input to close
    from canvas_sync_core.metrics.reading import is_dead

    found = list(tmp_path.glob("*.db"))
    assert found
    assert all(is_dead(path) for path in found)
    child.communicate(timeout=600)


def test_a_file_is_locked_before_anybody_can_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the moment a file gets its name, its lock is held and its header is written."""
    from canvas_sync_core.metrics.reading import is_dead

    seen: list[tuple[bool, bytes]] = []
    rename = Path.rename

    def watch(self: Path, target: Path) -> Path:
        seen.append((is_dead(self), self.read_bytes()[:8]))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watch)
    SeriesFile(tmp_path / "counter_canvassync-a-1-b.db").close()
    assert seen == [(False, b"\x08\0\0\0\0\0\0\0")]


def test_series_wait_for_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    folder = tmp_path / "metrics"
    folder.write_text("")
    files = MetricFiles(folder)
    count(files, 1)
    assert files.waiting == 4
    assert not files.store_waiting()
    assert isinstance(files.last_error, NotADirectoryError)
    folder.unlink()
    assert files.store_waiting()
    assert total(library_reads(folder)) == 1
    files.close()


@pytest.mark.parametrize("removed", ["file", "folder", "moved folder", "replaced file"])
def test_files_that_were_removed_are_recreated_with_all_that_was_counted(
    tmp_path: Path, removed: str
) -> None:
    """Growth and further processes too go on as if nothing had been."""
    folder = tmp_path / "metrics"
    files = MetricFiles(folder)
    count(files, 3)
    before = library_reads(folder)
    if removed == "file":
        next(folder.glob("counter*")).unlink()
    elif removed == "folder":
        shutil.rmtree(folder)
    elif removed == "moved folder":
        folder.rename(tmp_path / "old")
    else:
        other = next(folder.glob("counter*"))
        shutil.copy(other, tmp_path / "copy")
        (tmp_path / "copy").replace(other)
    count(files, 1)
    assert files.displaced() > 0
    assert files.recreate()
    assert files.displaced() == 0
    assert library_reads(folder).keys() == before.keys()
    assert total(library_reads(folder)) == 4
    for number in range(190):
        files.counter(MetricName.ERRORS, ("api", f"Error{number}")).add()
    count(files, 1)
    assert total(library_reads(folder)) == 5
    files.close()


def test_files_are_recreated_only_when_that_is_possible_again(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    files = MetricFiles(folder)
    count(files, 3)
    folder.rename(tmp_path / "old")
    folder.write_text("")
    assert not files.recreate()
    count(files, 1)
    folder.unlink()
    assert files.recreate()
    assert total(library_reads(folder)) == 4
    files.close()


_ON_A_FULL_DISK = """
import os, sys
from pathlib import Path
from support.metric_processes import MetricFiles, count, samples, total
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
folder = Path(sys.argv[1])
files, late = MetricFiles(folder / "metrics"), MetricFiles(folder / "metrics")
count(files, 1)
ballast = os.open(folder / "ballast", os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(ballast, bytes(4096))
except OSError:
    pass
from canvas_sync_core.schema.metrics import MetricName
with files.lock:
    for number in range(190):
        for _ in range(2):
            files.counter(MetricName.ERRORS, ("api", f"Error{number}")).add()
count(files, 1)
count(late, 1)
shown = total(samples(SyncProcessCollector(folder / "metrics")))
print("full:", files.waiting > 0, late.waiting, files.store_waiting(), shown)
os.unlink(folder / "ballast")
os.close(ballast)
print("stored:", files.store_waiting(), late.store_waiting(), files.waiting, late.waiting)
values = samples(SyncProcessCollector(folder / "metrics"))
errors = [value for name, value in values.items() if name.startswith("canvas_sync_errors_total")]
print("counted:", total(values), len(errors), sum(errors))
"""


def test_a_full_disk_kills_nobody_and_loses_nothing(tmp_path: Path) -> None:
    """Series without space wait in memory; when there is room again their values are there."""
    unshare = shutil.which("unshare")
    if unshare is None:
        assert "CI" not in os.environ, "unshare is needed for a small file system"
        pytest.skip("no unshare")
    mount = f'mount -t tmpfs -o size=256k tmpfs {tmp_path} && exec "$0" -c "$1" {tmp_path}'
    done = subprocess.run(
        [unshare, "--mount", "--map-root-user", "sh", "-c", mount, sys.executable, _ON_A_FULL_DISK],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "full: True 4 False 2.0",
        "stored: True True 0 0",
        "counted: 3.0 190 380.0",
    ]
