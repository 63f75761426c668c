"""Opens the database, and creates, upgrades and checks the table.

Alembic is imported only when a migration really has to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    String,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from canvas_sync_core.errors import SettingsError, StorageError
from canvas_sync_core.names import TABLE

from ._deadlines import (
    DRIVERS,
    POOL_SECONDS,
    allow_long_statements,
    bound_waits,
    connect_arguments,
)
from .model import metrics_table
from .schema_version import SCHEMA_VERSION, VERSION_TABLE
from .sqlite_files import configure, identity_at, make_private
from .stored_values import TOLERANT_TYPES, read_json_object

__all__ = [
    "INTERNAL",
    "check_schema",
    "connect_for_long_read",
    "connect_to_read",
    "connect_to_read_snapshot",
    "downgrade",
    "open_engine",
    "prepare_upgrade",
    "upgrade",
]

INTERNAL: Final = "canvas_sync_internal"
"""Execution option of our own engines, which the SQLAlchemy hook ignores."""

_UPGRADE_HINT: Final = "Run `canvas-sync-monitor db upgrade`"
_ADVISORY_LOCK: Final = 0x63616E76_73796E63  # "canvsync"; any constant number will do
_FILE: Final = "canvas_sync_file"
"""Key under which a SQLite connection remembers which file it has opened."""
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def open_engine(url: str) -> Engine:
    """Create an engine for the table's database; nothing is opened before the first connection.

    SQLite runs in WAL mode, and only the owner can read its file and folder. The PostgreSQL driver
    is psycopg 3, or psycopg2 if the URL names it or only it is installed. Every query ends in
    bounded time even if the server is silent: see :mod:`._deadlines`.

    Args:
        url: An SQLAlchemy URL of an SQLite file or of PostgreSQL 15 or later.

    Raises:
        SettingsError: The URL cannot be used; the message never shows a password.
    """
    parsed = _parse(url)
    options: dict[str, Any] = {
        # Parameters contain data of runs: keep them out of error messages.
        "hide_parameters": True,
        "execution_options": {INTERNAL: True},
        "pool_timeout": POOL_SECONDS,
        "json_deserializer": read_json_object,
    }
    if parsed.get_backend_name() == "postgresql":
        options |= {"pool_pre_ping": True, "connect_args": connect_arguments(parsed)}
    try:
        engine = create_engine(parsed, **options)
    except (ArgumentError, ImportError, NoSuchModuleError, TypeError, ValueError) as error:
        raise _unusable(f"{type(error).__name__} when making an engine of it") from None
    if parsed.get_backend_name() == "sqlite":
        engine.dialect.colspecs = {**engine.dialect.colspecs, **TOLERANT_TYPES}
        _prepare_sqlite(engine, Path(parsed.database or ""))
    else:
        bound_waits(engine)
    return engine


def connect_to_read(engine: Engine) -> Connection:
    """Connect for reading; each statement sees what is committed when it begins.

    On SQLite, all statements see the same snapshot. PostgreSQL would need a transaction with a
    higher isolation level for that; autocommit saves the round trips of BEGIN and ROLLBACK.
    """
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        return connection
    return connection.execution_options(isolation_level="AUTOCOMMIT")


def connect_to_read_snapshot(engine: Engine) -> Connection:
    """Connect for reading; all statements see what was committed when the first one began."""
    options = {"postgresql": {"isolation_level": "REPEATABLE READ"}}
    return engine.connect().execution_options(**options.get(engine.name, {}))


@contextmanager
def connect_for_long_read(engine: Engine) -> Iterator[Connection]:
    """Connect for reading with a longer statement timeout.

    Statements see the same data as with :func:`connect_to_read`. This is so even on PostgreSQL,
    where the longer limit needs a transaction, since that has the server's isolation level, by
    default READ COMMITTED. Options in the URL take precedence, as over the shorter limit.
    """
    if engine.dialect.name != "postgresql" or "options" in engine.url.query:
        with connect_to_read(engine) as connection:
            yield connection
        return
    with engine.begin() as connection:
        allow_long_statements(connection)
        yield connection


def upgrade(engine: Engine) -> None:
    """Create the table, or upgrade it to this version; several processes may do so concurrently.

    Raises:
        StorageError: The table is newer than this version, or columns are missing afterwards.
    """
    with engine.connect() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with _migrating(engine) as connection:
        version = _version(connection)
        _refuse_newer(version)
        if version != SCHEMA_VERSION:
            command, config = _alembic(connection)
            command.upgrade(config, "head")
    check_schema(engine)


def prepare_upgrade() -> None:
    """Import what an upgrade needs, before a background thread makes one.

    If gevent or eventlet replace threads while another thread imports a module, the import fails,
    since it no longer owns its lock; or it never ends.
    """
    from alembic import command, config  # noqa: F401, PLC0415 - few processes need them


def downgrade(engine: Engine, version: str) -> None:
    """Undo the migrations after a version, so that an older program can use the tables.

    What only newer versions store is lost.

    Args:
        engine: The database.
        version: A version such as ``0009``.

    Raises:
        StorageError: The tables are missing, newer than this program, or not newer than
            ``version``; or there is no such version.
    """
    with _migrating(engine) as connection:
        current = _version(connection)
        if current is None:
            raise StorageError(f"The database has no table {TABLE}, so nothing can be undone.")
        _refuse_newer(current)
        command, config = _alembic(connection)
        older = [each for each in _versions() if each < current]
        if version not in older:
            known = f"one of {', '.join(older)}" if older else "none, because it is the first"
            raise StorageError(
                f"The table {TABLE} has version {current} and cannot go back to {version}: use "
                f"{known}."
            )
        command.downgrade(config, version)


def check_schema(engine: Engine) -> None:
    """Ensure that the table exists and has the right version.

    Raises:
        StorageError: It is missing, too old or too new; the message says what to do.
    """
    with connect_to_read(engine) as connection:
        _refuse_newer(_version(connection))
        if not inspect(connection).has_table(TABLE):
            raise StorageError(f"The database has no table {TABLE}. {_UPGRADE_HINT}.")
        # Health checks run this often, and an inspector would also read PostgreSQL's catalog of
        # types.
        present = connection.execute(text(f"SELECT * FROM {TABLE} LIMIT 0")).keys()  # noqa: S608
    missing = sorted(set(metrics_table.columns.keys()) - set(present))
    if missing:
        raise StorageError(
            f"The table {TABLE} is too old: it lacks {', '.join(missing)}. {_UPGRADE_HINT}; "
            "if your app migrates this table itself, add the columns there."
        )


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which no other process migrates."""
    with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            allow_long_statements(connection)
            connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield connection


def _alembic(connection: Connection) -> tuple[Any, Any]:
    """Return Alembic's commands, and their configuration for our migrations."""
    from alembic import command  # noqa: PLC0415 - costs 50 ms of import that few processes need
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return command, config


def _versions() -> list[str]:
    """Return all versions, oldest first."""
    return sorted(file.name[1:5] for file in (_MIGRATIONS / "versions").glob("v[0-9]*_*.py"))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    versions = table(VERSION_TABLE, column("version_num", String))
    return connection.scalar(select(versions.c.version_num))


def _refuse_newer(version: str | None) -> None:
    if version is not None and version > SCHEMA_VERSION:
        raise StorageError(
            f"The table {TABLE} has version {version}, newer than {SCHEMA_VERSION}, which this "
            "program knows. Update canvas-sync-monitor."
        )


def _parse(url: str) -> URL:
    # Heroku and others still use postgres://, which SQLAlchemy no longer accepts.
    spelled = url.replace("postgres://", "postgresql://", 1) if url[:11] == "postgres://" else url
    try:
        parsed = make_url(spelled)
    except (ArgumentError, ValueError):
        raise _unusable("it is not an SQLAlchemy URL") from None
    backend = parsed.get_backend_name()
    if backend not in ("postgresql", "sqlite"):
        raise _unusable("it is neither SQLite nor PostgreSQL")
    if backend == "sqlite" and (parsed.database or "").removeprefix("file:") in ("", ":memory:"):
        raise _unusable("a database in memory cannot be shared; name a file")
    return parsed if backend == "sqlite" else _with_driver(parsed)


def _with_driver(url: URL) -> URL:
    _, _, named = url.drivername.partition("+")
    if named in DRIVERS:
        return url
    if named:
        raise _unusable(f"its driver is neither {' nor '.join(DRIVERS)}")
    driver = next(filter(find_spec, DRIVERS), None)
    if driver is None:
        raise _unusable("no driver is installed; run pip install 'canvas-sync-monitor[postgresql]'")
    return url.set(drivername=f"postgresql+{driver}")


def _unusable(reason: str) -> SettingsError:
    return SettingsError(
        f"CANVAS_SYNC_DATABASE_URL: its value cannot be used: {reason}. Examples: "
        "sqlite:////var/lib/app/canvas_sync.sqlite3, postgresql://user:password@host/database."
    )


def _prepare_sqlite(engine: Engine, file: Path) -> None:
    place = file.absolute()  # the app may change its working directory

    @event.listens_for(engine, "do_connect")
    def make_file(*_: object) -> None:
        make_private(file)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_FILE] = identity_at(place)
        configure(connection)

    @event.listens_for(engine, "checkout")
    def require_same_file(_connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        # A connection to a deleted file would keep reading and writing data that no one else sees.
        if record.info[_FILE] != identity_at(place):
            raise DisconnectionError(f"{place} was deleted or replaced.")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("canvas_sync_immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
