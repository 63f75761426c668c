"""A real exporter for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.serve_process import ServeProcess, serve_process


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """``canvas-sync-monitor serve`` in an empty folder."""
    with serve_process(tmp_path_factory.mktemp("serve")) as served:
        yield served
