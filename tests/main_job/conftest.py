"""One round of the main job, played once for each database and looked at by many tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.evidence import Evidence
from support.main_job import play
from support.postgresql import PostgresqlServer


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def evidence(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evidence]:
    """What a round left behind: on SQLite without tokens, on PostgreSQL with them."""
    folder = tmp_path_factory.mktemp("main_job")
    if request.param == "sqlite":
        yield play(folder, None, with_tokens=False)
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = server.create_database()
    try:
        yield play(folder, server.url(name), with_tokens=True)
    finally:
        server.drop_database(name)
