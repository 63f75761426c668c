"""One round of the main job, played once for each database and looked at by many tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.evidence import Evidence
from support.main_job import play
from support.postgresql import PostgresqlServer
from support.workers import made_once


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def evidence(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What a round left behind: on SQLite without tokens, on PostgreSQL with them."""

    def look(folder: Path) -> Evidence:
        if request.param == "sqlite":
            return play(folder, None, with_tokens=False)
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        name = server.create_database()
        try:
            return play(folder, server.url(name), with_tokens=True)
        finally:
            server.drop_database(name)

    return made_once(tmp_path_factory, f"main-job-{request.param}", look)
