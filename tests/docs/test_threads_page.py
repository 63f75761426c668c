"""The scripts of the page about threads, run as they stand there, leave what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import recent_runs
from canvas_sync_demo.canvas_server import CanvasServer
from support.canvas import canvas_server
from support.log_lines import records_in
from support.markdown import DOCS, blocks
from support.otlp import http_receiver

__all__ = ["canvas_server"]

PAGE = DOCS / "how-to" / "threads.md"
THREADS, PROCESSES = blocks(PAGE, "python")
SHOWN_CALLS, SHOWN_RUNS = blocks(PAGE, "console")


def _run(script: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """Run a script as the page does; gives the folder of its logs."""
    (folder / "sync.py").write_text(script, encoding="utf-8")
    logs = folder / "logs" / "canvas_sync"
    environ = {**os.environ, "CANVAS_SYNC_LOG_DIR": str(logs), **environ}
    subprocess.run([sys.executable, "sync.py"], cwd=folder, env=environ, check=True)
    return logs


def _without_times(line: str) -> str:
    return re.sub(r"-\d{4}-\d\d-\d\d\b|\[[^\]]*\] | - [0-9.]+ms$", "", line)


def _line_of_run(record: dict[str, Any]) -> str:
    return _without_times(f"{record['task_id'] or 'null'} {record['message']}")


def test_calls_belong_to_the_run_in_threads_that_inherit_or_are_given_it(
    tmp_path: Path, canvas_server: CanvasServer
) -> None:
    canvas = {"CANVAS_URL": canvas_server.url, "CANVAS_TOKEN": canvas_server.tokens[41]}
    logs = _run(THREADS, tmp_path, canvas)
    shown = re.findall(r"^(?:nightly-42-\S+|null) .*$", SHOWN_CALLS, re.MULTILINE)
    assert shown
    assert list(map(_line_of_run, records_in(logs / "api_calls.log"))) == list(
        map(_without_times, shown)
    )
    table = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    (run,) = recent_runs(table, 10).items
    table.dispose()
    shown_row = SHOWN_CALLS.splitlines()[-1]
    assert _without_times(f"{run.sync_task_id}|{run.api_calls}") == _without_times(shown_row)


def test_runs_of_other_processes_are_children_in_the_trace_of_their_sender(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        logs = _run(PROCESSES, tmp_path, receiver.environ)
        spans = {span.span_id.hex(): span for span in receiver.wait_for_spans(3)}
    starts = [
        each for each in records_in(logs / "operations.log") if each["event"] == "run_started"
    ]
    shown = re.findall(r"^[0-9a-f]{32} (\S+)$", SHOWN_RUNS, re.MULTILINE)
    assert {_without_times(each["task_id"]) for each in starts} == set(map(_without_times, shown))
    assert len({each["trace_id"] for each in starts}) == 1
    sender, *others = starts
    assert sender["task_id"].startswith("nightly-")
    assert {spans[each["span_id"]].parent_span_id.hex() for each in others} == {sender["span_id"]}


def test_without_tracing_each_run_has_a_trace_of_its_own(tmp_path: Path) -> None:
    logs = _run(PROCESSES, tmp_path, {})
    ends = [each for each in records_in(logs / "operations.log") if each["event"] == "run_ended"]
    assert len({each["trace_id"] for each in ends}) == len(ends) == 3
