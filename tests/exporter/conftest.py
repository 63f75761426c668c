"""What tests of the exporter share: most of them make an app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.route_builders import share_route_builders


@pytest.fixture(scope="session", autouse=True)
def _shared_route_builders() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        share_route_builders(monkeypatch)
        yield
