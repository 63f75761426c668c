"""Log sinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.logged_events import Sinks


@pytest.fixture
def sinks(tmp_path: Path) -> Sinks:
    return Sinks(tmp_path)


@pytest.fixture(scope="module")
def shared_sinks(tmp_path_factory: pytest.TempPathFactory) -> Sinks:
    return Sinks(tmp_path_factory.mktemp("logs"))
