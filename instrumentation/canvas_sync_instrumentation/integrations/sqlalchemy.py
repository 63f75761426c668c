"""Records each statement that an app sends through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, finalize

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext, ExecutionContext
from sqlalchemy.engine.interfaces import ExecuteStyle

from canvas_sync_core.store.database import INTERNAL
from canvas_sync_instrumentation.call_recorder import Recorder

from ._default_recorder import recorder_or_default
from ._statement_shape import statement_shape
from ._statements import SESSION_CONTROL, parse_statement
from ._transactions import UncommittedItems

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["instrument_sqlalchemy", "uninstrument_sqlalchemy"]

_SYSTEMS: Final = {
    "mariadb": "mariadb",
    "mssql": "microsoft.sql_server",
    "mysql": "mysql",
    "oracle": "oracle.db",
    "postgresql": "postgresql",
    "sqlite": "sqlite",
}
"""SQLAlchemy dialect name -> OpenTelemetry's ``db.system.name``."""

_QUOTED_TEXT: Final = frozenset({"mariadb", "mysql"})
"""Products in which double quotes enclose text by default."""

_Target = Engine | type[Engine]

_listeners: WeakKeyDictionary[_Target, _Listener] = WeakKeyDictionary()

# Statement in progress -> its start; insert in several batches -> seconds of finished batches.
# Shared, so that a statement seen by the listeners of one engine and of all engines counts once.
_started: WeakKeyDictionary[ExecutionContext, float] = WeakKeyDictionary()
_batches: WeakKeyDictionary[ExecutionContext, float] = WeakKeyDictionary()
_uncommitted: WeakKeyDictionary[Connection, UncommittedItems] = WeakKeyDictionary()


def instrument_sqlalchemy(
    engine: Engine | AsyncEngine | None = None, *, recorder: Recorder | None = None
) -> None:
    """Record every statement that an engine executes from now on.

    An execution with many rows counts once, with its rows, even if SQLAlchemy sends them in
    batches. Results, exceptions and transactions are unchanged. Calling this again has no effect.

    Args:
        engine: The engine; None means every engine, present and future.
        recorder: Records the statements; by default for the monitor of this process.
    """
    target = _target(engine)
    if target not in _listeners:
        listener = _listeners[target] = _Listener(recorder_or_default(recorder))
        listener.for_each_event(event.listen, target)


def uninstrument_sqlalchemy(engine: Engine | AsyncEngine | None = None) -> None:
    """Undo :func:`instrument_sqlalchemy` of the same ``engine``."""
    target = _target(engine)
    listener = _listeners.pop(target, None)
    if listener is not None:
        listener.for_each_event(event.remove, target)


class _Listener:
    """SQLAlchemy's events around a statement, each called with all its arguments."""

    _EVENTS: Final = (
        "before_cursor_execute",
        "after_cursor_execute",
        "after_execute",
        "handle_error",
        "commit",
        "commit_twophase",
        "rollback",
        "rollback_twophase",
    )

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def for_each_event(
        self, change: Callable[[_Target, str, Callable[..., None]], None], target: _Target
    ) -> None:
        """Apply ``event.listen`` or ``event.remove`` to each event of a target."""
        for name in self._EVENTS:
            change(target, name, getattr(self, name))

    def before_cursor_execute(
        self,
        conn: Connection,
        _cursor: Any,
        _statement: str,
        _parameters: Any,
        context: ExecutionContext | None,
        _executemany: bool,
    ) -> None:
        if context is not None and not conn.get_execution_options().get(INTERNAL):
            _started[context] = perf_counter()

    def after_cursor_execute(
        self,
        _conn: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: ExecutionContext | None,
        executemany: bool,
    ) -> None:
        started = _taken(_started, context)
        if context is None or started is None:
            return
        duration = perf_counter() - started
        if context.execute_style is ExecuteStyle.INSERTMANYVALUES:
            # One of several batches; after_execute() follows the last.
            _batches[context] = _batches.get(context, 0.0) + duration
            return
        with self._recorder.handle_internal_errors():
            rows = len(parameters) if executemany else _rows_touched(cursor)
            self._record(context, statement, duration, rows, executemany)

    def after_execute(
        self,
        _conn: Connection,
        _clauseelement: Any,
        _multiparams: Any,
        _params: Any,
        _execution_options: Any,
        result: Any,
    ) -> None:
        context = getattr(result, "context", None)
        duration = _taken(_batches, context)
        if context is not None and duration is not None:
            with self._recorder.handle_internal_errors():
                statement, rows = context.statement or "", len(context.parameters)
                self._record(context, statement, duration, rows, True)

    def handle_error(self, failure: ExceptionContext) -> None:
        context = failure.execution_context
        started = _taken(_started, context)
        if context is None or started is None:
            return
        duration = perf_counter() - started + (_taken(_batches, context) or 0.0)
        with self._recorder.handle_internal_errors():
            rows = len(context.parameters) if context.executemany else 1
            statement, error = failure.statement or "", failure.original_exception
            self._record(context, statement, duration, rows, context.executemany, error=error)

    def commit(self, conn: Connection) -> None:
        if conn in _uncommitted:
            _uncommitted[conn].commit()

    def commit_twophase(self, conn: Connection, _xid: Any, _is_prepared: bool) -> None:
        self.commit(conn)

    def rollback(self, conn: Connection) -> None:
        with self._recorder.handle_internal_errors():
            if (items := _uncommitted.get(conn)) is not None:
                items.roll_back()

    def rollback_twophase(self, conn: Connection, _xid: Any, _is_prepared: bool) -> None:
        self.rollback(conn)

    def _record(
        self,
        context: ExecutionContext,
        statement: str,
        duration: float,
        rows: int,
        executemany: bool,
        *,
        error: BaseException | None = None,
    ) -> None:
        parsed, connection = parse_statement(statement), context.root_connection
        if error is None and (uncommitted := _uncommitted.get(connection)) is not None:
            uncommitted.follow(statement)
        if parsed.operation in SESSION_CONTROL and error is None:
            return  # not work on data, but a failure may indicate a locked database
        batch = executemany and rows > 1
        if parsed.given_rows and not batch:
            rows = (
                parsed.given_rows
            )  # drivers do not count unchanged rows, and count some others twice
        system = _SYSTEMS.get(context.dialect.name, "other_sql")
        shape = None
        if self._recorder.wants_statements():
            shape = statement_shape(statement, quotes_are_names=system not in _QUOTED_TEXT)
        items = self._recorder.db_operation_ended(
            parsed.operation,
            parsed.table,
            duration,
            count=rows,
            batch=batch,
            system=system,
            error=error,
            statement=shape,
            is_upsert=parsed.is_upsert,
        )
        if items is not None and not _commits_at_once(connection):
            _uncommitted_items(connection).add(items)


def _uncommitted_items(connection: Connection) -> UncommittedItems:
    """Return the items of a connection, which are rolled back when it is dropped unclosed."""
    items = _uncommitted.get(connection)
    if items is None:
        items = _uncommitted[connection] = UncommittedItems()
        finalize(connection, items.roll_back).atexit = False
    return items


def _taken(
    times: WeakKeyDictionary[ExecutionContext, float], context: ExecutionContext | None
) -> float | None:
    return None if context is None else times.pop(context, None)


def _commits_at_once(connection: Connection) -> bool:
    """Return whether there is no transaction, even if SQLAlchemy reports a rollback."""
    level = connection.get_execution_options().get("isolation_level")
    if level is None:
        level = getattr(connection.dialect, "_on_connect_isolation_level", None)
    driver = connection.connection.dbapi_connection
    is_autocommit = getattr(driver, "autocommit", False) is True
    return level == "AUTOCOMMIT" or is_autocommit or getattr(driver, "in_transaction", 1) is False


def _rows_touched(cursor: Any) -> int:
    """Return the driver's row count of a statement; 1 if unknown."""
    rows: int = cursor.rowcount
    return rows if rows >= 0 else 1


def _target(engine: Engine | AsyncEngine | None) -> _Target:
    if engine is None:
        return Engine
    return engine if isinstance(engine, Engine) else engine.sync_engine
