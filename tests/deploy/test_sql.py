"""Every SQL query of the dashboards, asked of a real PostgreSQL with the runs of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, insert, select, text

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from support.demo_round import DemoRound
from support.grafana import DASHBOARDS, Query, expand_macros, fill_in, queries
from support.postgresql import PostgresqlServer

QUERIES = list(queries("grafana-postgresql-datasource"))
EVERY_STATUS = ", ".join(f"'{status}'" for status in RunStatus)
VARIABLES = {
    variable["name"]: variable["query"]
    for dashboard in DASHBOARDS.values()
    for variable in dashboard["templating"]["list"]
    if variable["type"] == "query"
    and variable["datasource"]["type"] == "grafana-postgresql-datasource"
}


@pytest.fixture(scope="module")
def runs(demo_round: DemoRound, postgresql_server: PostgresqlServer) -> Iterator[Engine]:
    """A PostgreSQL database with the rows that the demo wrote into SQLite."""
    name = postgresql_server.create_database()
    url = postgresql_server.url(name).replace("postgresql:", "postgresql+psycopg:", 1)
    engine = open_engine(url)
    upgrade(engine)
    source = create_engine(f"sqlite:///{demo_round.logs / 'state' / 'canvas_sync.sqlite3'}")
    with source.connect() as reading, engine.begin() as writing:
        rows = [dict(row) for row in reading.execute(select(metrics_table)).mappings()]
        writing.execute(insert(metrics_table), rows)
    source.dispose()
    yield engine
    engine.dispose()
    postgresql_server.drop_database(name)


@dataclass(frozen=True, slots=True)
class Period:
    """Unix times around all runs of the demo."""

    since: float
    until: float


@pytest.fixture(scope="module")
def period(runs: Engine) -> Period:
    """When the demo ran."""
    start = metrics_table.c.sync_start_time
    with runs.connect() as connection:
        first, last = connection.execute(select(func.min(start), func.max(start))).one()
    return Period(first.timestamp() - 1, last.timestamp() + 1)


def ask(
    runs: Engine,
    statement: str,
    period: Period,
    *,
    sync_type: str = "'full'",
    user_id: str = "''",
    since: float | None = None,
) -> list[dict[str, Any]]:
    """Ask as Grafana does, by default for all the runs of the demo."""
    values = {
        "sync_type:sqlstring": sync_type,
        "status:sqlstring": EVERY_STATUS,
        "user_id:sqlstring": user_id,
        "__interval": "5s",
    }
    filled = fill_in(statement, values)
    sql = expand_macros(filled, period.since if since is None else since, period.until)
    with runs.connect() as connection:
        escaped = sql.replace(":", r"\:")
        return [dict(row) for row in connection.execute(text(escaped)).mappings()]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_query_finds_the_runs(query: Query, runs: Engine, period: Period) -> None:
    found = ask(runs, query.target["rawSql"], period)

    assert found
    assert all(value is not None for row in found for value in row.values())
    if query.target["format"] == "time_series":
        assert {"time", "metric"} < set(found[0])


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_every_query_is_understood_in_a_time_without_runs(
    query: Query, runs: Engine, period: Period
) -> None:
    """Where the variable for the sync type has no value to offer."""
    ask(runs, query.target["rawSql"], period, sync_type="", since=period.until)


def test_the_table_can_be_narrowed_to_a_user_and_a_type(runs: Engine, period: Period) -> None:
    (table,) = [query for query in QUERIES if query.panel["type"] == "table"]
    found = ask(runs, table.target["rawSql"], period, sync_type="'full'", user_id="'45'")

    assert [(row["User"], row["Type"], row["Status"]) for row in found] == [(45, "full", "partial")]


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_has_values(name: str, runs: Engine, period: Period) -> None:
    assert ask(runs, VARIABLES[name], period)


def test_the_variable_for_a_run_shows_its_task_and_holds_its_trace(
    runs: Engine, period: Period
) -> None:
    found = ask(runs, VARIABLES["run"], period)

    assert all(row["__text"].startswith("demo-") for row in found)
    assert all(len(row["__value"]) == 32 for row in found)
