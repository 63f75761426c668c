"""The metrics of real processes, live and dead, through any number of folds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.sync_processes import (
    SyncProcessCollector,
)
from support.metric_processes import COUNTED, COUNTED_LABELS, count, finish, samples, start, total

IN_PROGRESS = f'{MetricName.RUNS_IN_PROGRESS}{{sync_type="full"}}'
LAST_RUN = f'{MetricName.LAST_RUN}{{sync_type="full"}}'


def test_a_missing_folder_has_no_processes(tmp_path: Path) -> None:
    """An exporter that starts first serves its own counters alone."""
    values = samples(SyncProcessCollector(tmp_path / "later"))
    assert values == {
        MetricName.BROKEN_FILES: 0.0,
        MetricName.FOLD_FAILURES: 0.0,
        MetricName.STATE_RECOVERIES: 0.0,
    }


def test_live_and_dead_processes_add_up(tmp_path: Path) -> None:
    """What dead processes counted stays, their live gauges go, the greatest of a gauge stays."""
    live = MetricFiles(tmp_path)
    count(live, 1)
    finish(start("counting", tmp_path, 10, "exit"))
    collector = SyncProcessCollector(tmp_path)
    for _ in range(2):
        values = samples(collector)
        assert total(values) == 11
        assert values[IN_PROGRESS] == 1
        assert values[LAST_RUN] == 10
    live.close()
    values = samples(collector)
    assert total(values) == 11
    assert IN_PROGRESS not in values
    assert not list(tmp_path.glob("*.db"))
    assert not list(tmp_path.glob("*.bin"))


def test_twenty_short_processes_add_up_however_they_end(tmp_path: Path) -> None:
    """Some exit, some are killed, some fork; a scrape between them changes nothing."""
    collector = SyncProcessCollector(tmp_path)
    expected = 0
    for wave in range(5):
        ends = ["exit", "kill", "fork", "kill"]
        processes = [start("counting", tmp_path, wave + 1, end) for end in ends]
        for process, end in zip(processes, ends, strict=True):
            assert finish(process) == "counted\n"
            assert process.returncode == (-signal.SIGKILL if end == "kill" else 0)
        expected += (wave + 1) * 5
        assert total(samples(collector)) == expected
    assert samples(collector)[MetricName.BROKEN_FILES] == 0


def test_a_counter_never_goes_back_with_two_exporters(tmp_path: Path) -> None:
    """Two exporters scrape and fold all the time, while processes come and die."""
    exporters = [start("scrapes", tmp_path) for _ in range(2)]
    seen = [[float(exporter.stdout.readline())] for exporter in exporters]
    assert seen == [[0.0], [0.0]]
    counted = 0.0
    for wave in range(4):
        for process in [start("counting", tmp_path, wave + 1, end) for end in ("kill", "fork")]:
            assert finish(process) == "counted\n"
        counted += (wave + 1) * 3
        for exporter, totals in zip(exporters, seen, strict=True):
            while totals[-1] < counted:
                totals.append(float(exporter.stdout.readline()))
    for exporter, totals in zip(exporters, seen, strict=True):
        assert finish(exporter) == ""
        assert exporter.returncode == 0
        assert totals == sorted(totals)
        assert totals[-1] == counted


def test_openmetrics_carries_the_newest_exemplar_of_each_bucket(tmp_path: Path) -> None:
    """From live processes, and from dead ones after their fold; the output parses."""
    name, labels = MetricName.RUN_DURATION, ("full", "success")
    live, dead = MetricFiles(tmp_path), MetricFiles(tmp_path)
    with dead.lock:
        dead.histogram(name, labels).observe(3.0, "aa" * 16, 100.0)
        dead.histogram(name, labels).observe(0.5, "bb" * 16, 400.0)
    with live.lock:
        live.histogram(name, labels).observe(2.0, "cc" * 16, 200.0)
        live.histogram(name, labels).observe(0.4, "dd" * 16, 300.0)
        live.histogram(name, labels).observe(9999.0)
    dead.close()
    registry = CollectorRegistry()
    registry.register(SyncProcessCollector(tmp_path))
    for _ in range(2):
        text = openmetrics.generate_latest(registry).decode()  # type: ignore[no-untyped-call] # the library has no types
        families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call] # the library has no types
        found = {
            sample.labels["le"]: (sample.exemplar.labels["trace_id"], sample.exemplar.value)
            for sample in families[name].samples
            if sample.exemplar
        }
        assert found == {"5.0": ("cc" * 16, 2.0), "1.0": ("bb" * 16, 0.5)}
    live.close()


def test_a_broken_file_keeps_its_last_good_values(tmp_path: Path) -> None:
    """A live file that becomes garbage breaks nothing; when its process dies it is moved aside."""
    broken, healthy = MetricFiles(tmp_path), MetricFiles(tmp_path)
    count(broken, 3)
    path = next(tmp_path.glob("counter_*.db"))
    count(healthy, 4)
    collector = SyncProcessCollector(tmp_path)
    assert total(samples(collector)) == 7
    with path.open("r+b") as file:
        file.write(b"\xff" * 64)
    values = samples(collector)
    assert total(values) == 7
    assert values[MetricName.BROKEN_FILES] == 1
    broken.close()
    assert total(samples(collector)) == 7
    assert path.with_name(f"{path.name}.broken").exists()
    assert not path.exists()
    values = samples(collector)
    assert total(values) == 7
    assert values[MetricName.BROKEN_FILES] == 1
    healthy.close()


@pytest.mark.parametrize("content", [b"", b"\x08", b"\x10\0\0\0\0\0\0\0", b"\xff" * 4096])
def test_files_of_dead_processes_that_make_no_sense_are_moved_aside(
    tmp_path: Path, content: bytes
) -> None:
    """Empty, torn, too short for what it says, garbage: counted and out of the way."""
    files = MetricFiles(tmp_path)
    count(files, 5)
    name = "counter_canvassync-other-1-0.db"
    (tmp_path / name).write_bytes(content)
    collector = SyncProcessCollector(tmp_path)
    values = samples(collector)
    assert total(values) == 5
    assert values[MetricName.BROKEN_FILES] == 1
    assert (tmp_path / f"{name}.broken").read_bytes() == content
    files.close()


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """A folder shared with an app's own prometheus-client files: they are not ours to read."""
    foreign = {"counter_4711.db": b"\xff" * 64, "gauge_all_12.db": b"", "notes.txt": b"keep"}
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    collector = SyncProcessCollector(tmp_path)
    assert samples(collector)[MetricName.BROKEN_FILES] == 0
    collector.files.fold()
    assert all((tmp_path / name).read_bytes() == content for name, content in foreign.items())


def test_a_fold_that_cannot_be_written_is_counted_and_the_sums_stay_right(
    tmp_path: Path,
) -> None:
    """As on a full disk: the scrape goes on without the fold."""
    dead = MetricFiles(tmp_path)
    count(dead, 6)
    dead.close()
    (tmp_path / "folded.state.tmp").mkdir()
    collector = SyncProcessCollector(tmp_path)
    for failures in (1, 2):
        values = samples(collector)
        assert total(values) == 6
        assert values[MetricName.FOLD_FAILURES] == failures
    (tmp_path / "folded.state.tmp").rmdir()
    assert total(samples(collector)) == 6
    assert not list(tmp_path.glob("*.db"))


def test_the_exporters_own_counters_survive_its_restart(tmp_path: Path) -> None:
    """It counts in the same folder as the sync processes."""
    for _ in range(3):
        files = MetricFiles(tmp_path)
        with files.lock:
            files.counter(MetricName.CLEANUP_RECLAIMED).add(100)
            files.gauge(MetricName.CLEANUP_LAST_SUCCESS).set(1.7e9)
        collector = SyncProcessCollector(tmp_path)
        collector.files.fold()
        files.close()
    values = samples(SyncProcessCollector(tmp_path))
    assert values[MetricName.CLEANUP_RECLAIMED] == 300
    assert values[MetricName.CLEANUP_LAST_SUCCESS] == 1.7e9


def test_promtool_accepts_the_text(tmp_path: Path) -> None:
    """Names, help and types are as Prometheus wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        assert "CI" not in os.environ, "promtool is needed"
        pytest.skip("no promtool")
    files = MetricFiles(tmp_path)
    count(files, 1)
    with files.lock:
        files.counter(COUNTED, COUNTED_LABELS)
        files.histogram(MetricName.RUN_DURATION, ("full", "success")).observe(3.0)
    registry = CollectorRegistry()
    registry.register(SyncProcessCollector(tmp_path))
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    files.close()
