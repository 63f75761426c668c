"""Databases that benchmarks fill, and remove afterwards."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.postgresql import PostgresqlServer, find_binaries

NO_TIMEOUT = "&options=-c%20statement_timeout%3D0"
POSTGRESQL = """
listen_addresses = ''
shared_buffers = 1GB
work_mem = 64MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
"""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the runs are; ``url`` bounds statements as usual, ``patient`` does not."""

    name: str
    url: str
    patient: str


def add_databases(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose databases and sizes of their table."""
    sizes = [100_000, 1_000_000]
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="runs in the table")
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds)


@contextmanager
def temporary_server(kinds: Collection[str]) -> Iterator[PostgresqlServer | None]:
    """Run PostgreSQL while the block lasts, if one of the kinds of databases needs it."""
    if "postgresql" not in kinds:
        yield None
        return
    binaries = find_binaries()
    if binaries is None:
        sys.exit(
            "PostgreSQL is not installed; on Debian: apt-get install postgresql. "
            "Or measure SQLite alone: --databases sqlite"
        )
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresqlServer(binaries, Path(folder), POSTGRESQL)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def temporary_database(
    kind: str, server: PostgresqlServer | None
) -> Iterator[tuple[Path, Database]]:
    """Make a database of a kind, and a folder; both go when the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if server is None or kind == "sqlite":
            url = f"sqlite:///{folder / 'runs.sqlite3'}"
            yield folder, Database("SQLite", url, url)
            return
        made = server.create_database()
        url = server.url(made)
        yield folder, Database("PostgreSQL", url, url + NO_TIMEOUT)
        server.drop_database(made)
