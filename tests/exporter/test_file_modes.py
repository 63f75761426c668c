"""What a careless umask does to the files and folders that we make."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from support.forked_programs import run_forked

_SYNC = """
import os, signal
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.pid_lock import PidLock
from canvas_sync_instrumentation.monitor import get_monitor
for number in range(3):
    with CanvasSyncMetricsTracker(f"run-{number}", 42) as run:
        run.record_course(created=True)
        run.record_error(ValueError("no"))
        run.record_db_operation("INSERT", "courses", 2, 0.1)
PidLock(get_monitor().settings.state_folder / "run" / "nightly.lock", "held")
"""
_EXPORTER = """
import os
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from canvas_sync_exporter.cli import main
from canvas_sync_exporter.settings import configuration
config = configuration(os.environ)
SharedMetricDirectory(config.app.metrics_folder).fold()
assert main(["cleanup"]) == 0
assert main(["analyze", "--output", str(config.app.log_dir / "report.html")]) == 0
"""


@pytest.mark.parametrize(
    ("umask", "shared", "private"), [(0o000, 0o775, 0o700), (0o227, 0o750, 0o700)]
)
def test_everything_is_usable_by_its_owner_and_nothing_writable_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, umask: int, shared: int, private: int
) -> None:
    logs = tmp_path / "data" / "logs"
    monkeypatch.setenv("CANVAS_SYNC_LOG_DIR", str(logs))
    monkeypatch.setenv("CANVAS_SYNC_MAX_LIVE_BYTES", "1")
    monkeypatch.setenv("CANVAS_SYNC_KEEP_LINES", "1")
    for code in (_SYNC, _EXPORTER):
        assert run_forked(f"import os\nos.umask({umask})\n{code}") == 0
    modes = {
        path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    folders = {path for path in modes if (tmp_path / path).is_dir()}
    private_ones = {Path("data/logs/state/spool"), Path("data/logs/state/run")}
    assert {path: modes[path] for path in folders} == {
        path: private if path in private_ones else shared for path in folders
    }
    assert {"archive", "control", "metrics"} <= {path.name for path in folders}
    files = {path: mode & 0o777 for path, mode in modes.items() if path not in folders}
    assert any(path.name.endswith(".tar.gz") for path in files)
    assert {"report.html", "nightly.lock", "cleanup.json"} <= {path.name for path in files}
    secret = {path for path in files if "sqlite3" in path.name or path.parent in private_ones}
    assert all(files[path] & 0o602 == 0o600 for path in files), files
    assert all(files[path] & 0o077 == 0 for path in secret), files
