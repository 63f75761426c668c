"""Functions of the system that an app's tests replace, or that cannot answer here."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown, track_sync
from support.log_lines import records_in


def refuse(*_: object) -> None:
    raise OSError("not permitted")


def rubbish(*_: object) -> str:
    return "rubbish"


@pytest.mark.parametrize("answer", [refuse, rubbish])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (socket, "gethostname"),
        (uuid, "uuid4"),
        (os, "urandom"),
        (os, "getpid"),
        (os, "getcwd"),
        (time, "time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_is_recorded_and_the_sync_goes_on(
    module: object, name: str, answer: Callable[..., object], tmp_path: Path
) -> None:
    @track_sync
    def sync(user_id: int) -> int:
        return user_id

    with mock.patch.object(module, name, answer):
        configure(log_dir=tmp_path, strict=False)
        assert sync(42) == 42
        with CanvasSyncMetricsTracker("", 42) as run:
            run.record_course(created=True)
        shutdown(60)
    ends = [
        line for line in records_in(tmp_path / "operations.log") if line["event"] == "run_ended"
    ]
    assert [line["status"] for line in ends] == ["success", "success"]
