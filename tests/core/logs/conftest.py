"""Log sinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.logs.writer import LogFileWriter
from support.log_processes import make_writer
from support.log_writers import Race
from support.logged_events import Sinks


@pytest.fixture
def sinks(tmp_path: Path) -> Sinks:
    return Sinks(tmp_path)


@pytest.fixture(scope="module")
def shared_sinks(tmp_path_factory: pytest.TempPathFactory) -> Sinks:
    return Sinks(tmp_path_factory.mktemp("logs"))


@pytest.fixture
def drops() -> Counter[str]:
    return Counter()


@pytest.fixture
def writer(tmp_path: Path, drops: Counter[str]) -> Iterator[LogFileWriter]:
    made = make_writer(tmp_path, on_drop=lambda reason, count: drops.update({reason: count}))
    yield made
    made.close(0)


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> Race:
    return Race(monkeypatch)
