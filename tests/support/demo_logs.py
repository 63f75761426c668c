"""What one round of the demo logs: real syncs against the simulated Canvas."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["demo_logs"]


@pytest.fixture(scope="session")
def demo_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the logs; nobody changes what is in it."""
    folder = tmp_path_factory.mktemp("demo")
    options = ["--once", "--port", "0", "--data-dir", str(folder)]
    plain = {name: os.environ[name] for name in os.environ if not name.startswith("CANVAS_SYNC_")}
    subprocess.run(
        [sys.executable, "-m", "canvas_sync_exporter.cli", "demo", *options],
        env=plain,
        stdout=subprocess.DEVNULL,
        timeout=600,
        check=True,
    )
    return folder / "logs"
