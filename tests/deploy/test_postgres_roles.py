"""The script that the database's container runs once, against a real server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from canvas_sync_core.store.database import open_engine, upgrade
from support.postgresql import PostgresqlServer
from support.runs import snapshot, write

pytestmark = pytest.mark.usefixtures("postgresql_server")


def run_script(
    repository: Path, server: PostgresqlServer, secrets: Path
) -> subprocess.CompletedProcess[str]:
    """Run it as the superuser on the server's socket, as the image does."""
    url = make_url(server.url("postgres"))
    environment = {
        "PATH": os.environ["PATH"],
        "SECRETS_FOLDER": str(secrets),
        "PGHOST": str(url.query["host"]),
        "PGUSER": "postgres",
    }
    script = repository / "deploy" / "postgres" / "10-roles.sh"
    return subprocess.run(
        ["bash", script], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def server(postgresql_server: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """The session's server, without the roles of the stack before and after."""
    yield postgresql_server
    admin = create_engine(
        make_url(postgresql_server.url("postgres")).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with admin.connect() as connection:
        for statement in (
            "DROP DATABASE IF EXISTS canvas_sync WITH (FORCE)",
            "DROP ROLE IF EXISTS canvas_sync, canvas_sync_reader",
        ):
            connection.execute(text(statement))
    admin.dispose()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("database_password", "database_reader_password"):
        (tmp_path / name).write_text("it's a \\password")
    return tmp_path


def engine_of(server: PostgresqlServer, role: str) -> Engine:
    return open_engine(server.url("canvas_sync").replace("postgres@", f"{role}@"))


def test_the_owner_makes_the_table_and_the_reader_reads_it(
    repository: Path, server: PostgresqlServer, secrets: Path
) -> None:
    done = run_script(repository, server, secrets)
    assert (done.returncode, done.stderr) == (0, "")
    owner = engine_of(server, "canvas_sync")
    upgrade(owner)
    write(owner, snapshot("one"))
    reader = engine_of(server, "canvas_sync_reader")
    with reader.connect() as connection:
        found = connection.execute(text("SELECT sync_task_id FROM canvas_sync_metrics")).scalars()
        assert list(found) == ["one"]
    owner.dispose()
    reader.dispose()


def test_the_reader_cannot_write_even_when_it_wants_to(
    repository: Path, server: PostgresqlServer, secrets: Path
) -> None:
    assert run_script(repository, server, secrets).returncode == 0
    owner = engine_of(server, "canvas_sync")
    upgrade(owner)
    owner.dispose()
    reader = engine_of(server, "canvas_sync_reader")
    for statement in ("DELETE FROM canvas_sync_metrics", "CREATE TABLE mine (id integer)"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            reader.connect() as connection,
        ):
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(statement))
    reader.dispose()


def test_a_missing_password_stops_it_with_what_to_do(
    repository: Path, server: PostgresqlServer, secrets: Path
) -> None:
    (secrets / "database_reader_password").unlink()
    done = run_script(repository, server, secrets)
    assert done.returncode == 1
    assert "database_reader_password is missing or empty. Run the set-up first" in done.stderr
