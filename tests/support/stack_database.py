"""The session's PostgreSQL server with the database and roles of the compose stack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from .markdown import ROOT
from .postgresql import PostgresqlServer

__all__ = ["connection_of", "make_roles", "remove_roles", "stack_server"]


def connection_of(server: PostgresqlServer) -> dict[str, str]:
    """The variables with which PostgreSQL's programs reach it as the superuser."""
    url = make_url(server.url("postgres"))
    return {"PATH": os.environ["PATH"], "PGHOST": str(url.query["host"]), "PGUSER": "postgres"}


def make_roles(server: PostgresqlServer, secrets: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of the database's container as the image does."""
    return subprocess.run(
        ["bash", ROOT / "deploy" / "postgres" / "10-roles.sh"],
        env={**connection_of(server), "SECRETS_FOLDER": str(secrets)},
        capture_output=True,
        text=True,
        check=False,
    )


def remove_roles(server: PostgresqlServer) -> None:
    """Remove what the script makes."""
    admin = create_engine(
        make_url(server.url("postgres")).set(drivername="postgresql+psycopg"),
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
def stack_server(postgresql_server: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """The session's server, without the roles of the stack before and after."""
    yield postgresql_server
    remove_roles(postgresql_server)
