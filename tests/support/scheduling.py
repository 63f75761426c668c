"""Which tests go to one process of pytest-xdist: those that share a costly stage, else a file's."""

from __future__ import annotations

from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

__all__ = ["pytest_xdist_make_scheduler"]

_SHARED: Final = {
    "tests/main_job/": "evidence",
    "tests/demo/test_run.py": "demo_round",
    "tests/exporter/logs/test_cleanup.py": "demo_round",
    "tests/test_analyze_canvas_logs.py": "demo_round",
    "tests/deploy/test_promql.py": "watched_demo",
    "tests/deploy/test_sql.py": "watched_demo",
}
"""Where tests lie -> the fixture of the session that they share; half a minute to set up."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Return the scheduler for ``--dist loadfile``."""
    return _ByStage(config, log) if config.getvalue("dist") == "loadfile" else None


class _ByStage(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        shared = (stage for place, stage in _SHARED.items() if nodeid.startswith(place))
        file: str = super()._split_scope(nodeid)
        return next(shared, file)
