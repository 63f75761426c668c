"""What SQLite and PostgreSQL say of values that are quoted badly, through the hook and without."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from canvas_sync_core.store.database import open_engine
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, shutdown
from canvas_sync_instrumentation.error_description import error_info
from canvas_sync_instrumentation.integrations import instrument_sqlalchemy

VALUE = "Zqbrien"
STATEMENTS = (
    "insert into users (name) values ('Sinead O'{}')",
    'select "Ada {}" from users',
    'insert into users (name) values ("Ada {}")',
    "select name from users where {} = 1",
    "select cast('{}' as integer) + 1 / 0 from users",
    "insert into users (name, id) values ('{}', 1), ('{}', 1)",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_value_of_a_statement_is_recorded(
    empty_database_url: str, tmp_path: Path, statement: str
) -> None:
    engine = open_engine(empty_database_url)
    instrument_sqlalchemy(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table users (name text, id integer unique)")
    with CanvasSyncMetricsTracker("names", 42) as run, contextlib.suppress(sa.exc.DBAPIError):
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement.replace("{}", VALUE))
        except sa.exc.DBAPIError as error:
            run.record_error(error)
            raise
    engine.dispose()
    shutdown()
    log = (tmp_path / "logs" / "errors.log").read_text() if _has_failed(tmp_path) else ""
    assert VALUE.lower() not in log.lower()
    assert all(json.loads(line)["error_traceback"] for line in log.splitlines())


def _has_failed(folder: Path) -> bool:
    return (folder / "logs" / "errors.log").exists()


def test_a_name_of_the_schema_is_reported(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table courses (id integer not null)")
    with pytest.raises(sa.exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(sa.text("insert into courses (id) values (:id)"), {"id": None})
    engine.dispose()
    message = error_info(caught.value).message
    assert "courses" in message
    assert "id" in message
    assert "null" in message.lower()
