"""The script that the database's container runs once, against a real server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from canvas_sync_core.store.database import open_engine, upgrade
from support.markdown import DOCS, blocks
from support.postgresql import PostgresqlServer
from support.runs import snapshot, write
from support.stack_database import connection_of, make_roles, stack_server

__all__ = ["stack_server"]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name in ("database_password", "database_reader_password"):
        (tmp_path / name).write_text("it's a \\password")
    return tmp_path


def engine_of(server: PostgresqlServer, role: str) -> Engine:
    return open_engine(server.url("canvas_sync").replace("postgres@", f"{role}@"))


def test_the_owner_makes_the_table_and_the_reader_reads_it(
    stack_server: PostgresqlServer, secrets: Path
) -> None:
    done = make_roles(stack_server, secrets)
    assert (done.returncode, done.stderr) == (0, "")
    owner = engine_of(stack_server, "canvas_sync")
    upgrade(owner)
    write(owner, snapshot("one"))
    reader = engine_of(stack_server, "canvas_sync_reader")
    with reader.connect() as connection:
        found = connection.execute(text("SELECT sync_task_id FROM canvas_sync_metrics")).scalars()
        assert list(found) == ["one"]
    owner.dispose()
    reader.dispose()


def test_the_reader_cannot_write_even_if_it_tries(
    stack_server: PostgresqlServer, secrets: Path
) -> None:
    assert make_roles(stack_server, secrets).returncode == 0
    owner = engine_of(stack_server, "canvas_sync")
    upgrade(owner)
    owner.dispose()
    reader = engine_of(stack_server, "canvas_sync_reader")
    for statement in ("DELETE FROM canvas_sync_metrics", "CREATE TABLE mine (id integer)"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            reader.connect() as connection,
        ):
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(statement))
    reader.dispose()


def test_a_missing_password_stops_it_with_what_to_do(
    stack_server: PostgresqlServer, secrets: Path
) -> None:
    (secrets / "database_reader_password").unlink()
    done = make_roles(stack_server, secrets)
    assert done.returncode == 1
    assert "database_reader_password is missing or empty. Run the set-up first" in done.stderr


def test_the_documented_command_gives_the_roles_new_passwords(
    stack_server: PostgresqlServer, secrets: Path
) -> None:
    assert make_roles(stack_server, secrets).returncode == 0
    (block,) = (
        block
        for block in blocks(DOCS / "how-to" / "docker-compose.md", "console")
        if "ALTER ROLE" in block
    )
    _, _, rest = block.partition("<<'SQL'\n")
    sql = rest.removesuffix("SQL\n").replace("/run/secrets", str(secrets))
    before = hashes(stack_server)
    (secrets / "database_password").write_text("it's another \\password")
    done = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"],
        input=sql,
        env=connection_of(stack_server),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = hashes(stack_server)
    assert set(after) == {"canvas_sync", "canvas_sync_reader"}
    assert [name for name in after if after[name] == before[name]] == []


def hashes(server: PostgresqlServer) -> dict[str, str]:
    """The hashed passwords of the roles, each with its own salt."""
    engine = open_engine(server.url("postgres"))
    query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL"
    with engine.connect() as connection:
        found = {row.rolname: str(row.rolpassword) for row in connection.execute(text(query))}
    engine.dispose()
    return found
