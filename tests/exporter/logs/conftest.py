"""Logs that are written while they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.log_tails import Writing


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path)
