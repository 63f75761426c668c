"""What every test gets: strict telemetry, and neither a monitor nor a hook of the test before."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

pytest_plugins = [
    "support.databases",
    "support.otlp",
    "support.postgresql",
    "support.scheduling",
    "support.small_disk",
]


def pytest_configure() -> None:
    """Let children obey Ctrl-C and SIGHUP, also where the tests run in the background.

    A shell ignores the one there and nohup the other, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _strict_telemetry_in_an_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Settings come from nowhere but the test; our own errors are raised.

    Most runs of tests call no API, which the app's log would be told.
    """
    from canvas_sync_instrumentation.integrations._installed import uninstrument_all
    from canvas_sync_instrumentation.monitor import Monitor, shutdown

    for name in list(os.environ):
        if name.startswith(("CANVAS_SYNC_", "OTEL_", "PROMETHEUS_MULTIPROC_DIR")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(Monitor, "note_no_api_call", lambda *_: None)
    monkeypatch.setenv("CANVAS_SYNC_STRICT", "true")
    # Rows are looked for right after the end of a process, also where that takes its time.
    monkeypatch.setenv("CANVAS_SYNC_EXIT_TIMEOUT_SECONDS", "30")
    monkeypatch.setenv("CANVAS_SYNC_LOG_DIR", str(tmp_path / "logs"))
    yield
    uninstrument_all()
    shutdown()
