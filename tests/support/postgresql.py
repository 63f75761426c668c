"""A real PostgreSQL server for tests: one cluster per session, one database per test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "PostgresqlServer",
    "find_binaries",
    "postgresql_server",
    "postgresql_url",
]

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
END
$$;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
_CONFIGURATION = """
fsync = off
full_page_writes = off
synchronous_commit = off
listen_addresses = ''
shared_buffers = 32MB
max_connections = 50
"""


class PostgresqlServer:
    """A cluster in a folder of its own, reached by a Unix socket in that folder.

    Args:
        binaries: Folder of ``initdb`` and ``pg_ctl``.
        folder: An empty folder; its path is short, since a socket's path may have 107 bytes.
        configuration: Lines of ``postgresql.conf``.
    """

    def __init__(self, binaries: Path, folder: Path, configuration: str = _CONFIGURATION) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._databases = count(1)
        self._emptied: list[str] = []
        self._identity = _unprivileged(folder)
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(configuration)
            file.write(f"unix_socket_directories = '{folder}'\n")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """Stop it at once, as in an outage; the data stays."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    @contextmanager
    def stopped_in_its_tracks(self) -> Iterator[None]:
        """Stop all its processes inside the block: it accepts connections and stays silent."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # the first, so that it starts no further one
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):  # the first last: it reaps those that have ended
                os.kill(process, signal.SIGCONT)

    def is_running(self) -> bool:
        """Return whether it runs."""
        return (self._data / "postmaster.pid").exists()

    def url(self, database: str) -> str:
        """Name a database for SQLAlchemy."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def create_database(self, options: str = "") -> str:
        """Make an empty database and return its name.

        Without options it is one that was emptied, if there is one.
        """
        if self._emptied and not options:
            return self._emptied.pop()
        name = f"test_{next(self._databases)}"
        self._execute(f"CREATE DATABASE {name} {options or 'STRATEGY file_copy'}")
        return name

    def empty_database(self, name: str) -> None:
        """Empty a database, even while something is connected to it, so that it can be used again.

        To drop it and to make another one would take several times as long.
        """
        self._execute(_EMPTY, name)
        self._emptied.append(name)

    def drop_database(self, name: str) -> None:
        """Remove a database even if something is connected to it."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(
            host=str(self._folder), user="postgres", dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        # Into a file, not a pipe: the server inherits it and would keep a pipe open.
        with (self._folder / f"{program}.out").open("wb") as output:
            subprocess.run(
                [self._binaries / program, "-D", self._data, *arguments],
                check=True,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                **self._identity,
            )


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """The session's server; skips without server binaries, but fails where CI is true."""
    binaries = find_binaries()
    if binaries is None:
        message = "no PostgreSQL server binaries (initdb, pg_ctl) were found"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgresqlServer(binaries, folder)
    try:
        server.start()
        yield server
    finally:
        if server.is_running():
            server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    if not postgresql_server.is_running():
        postgresql_server.start()
    postgresql_server.empty_database(name)


def find_binaries() -> Path | None:
    """Folder of the newest server's programs; None where there is none."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    pg_config = shutil.which("pg_config")
    if pg_config:
        found = subprocess.run([pg_config, "--bindir"], check=True, capture_output=True, text=True)
        candidates.insert(0, Path(found.stdout.strip()))
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    usable = (each for each in candidates if (each / "initdb").exists())
    return next((each for each in usable if (each / "pg_ctl").exists()), None)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """Choose whom to run as, since the server refuses root, and give that user the folder."""
    if os.geteuid() != 0:
        return {}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
