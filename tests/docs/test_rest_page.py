"""``docs/reference/rest.md`` names each endpoint, parameter and error, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from canvas_sync_core.names import ITEMS
from canvas_sync_core.schema.run_fields import ITEM_COLUMN_ACTIONS, item_column
from canvas_sync_core.store.model import metrics_table
from support.markdown import DOCS, blocks, table
from support.served import Served

PAGE = DOCS / "reference" / "rest.md"


def _operations(served: Served) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in served.openapi["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_endpoint_is_documented_with_scope_and_parameters(served: Served) -> None:
    rows = table(PAGE, "endpoint")
    known = {
        name: (
            _codes(operation.get("description", "none"))[:1],
            [each["name"] for each in operation["parameters"] if each["in"] == "query"],
        )
        for name, operation in _operations(served)
    }

    assert {name: (_codes(cells[0]), _codes(cells[1])) for name, cells in rows.items()} == known


def test_each_parameter_is_documented_with_its_default(served: Served) -> None:
    rows = table(PAGE, "parameter")
    known = {
        each["name"]: str(each["schema"].get("default", ""))
        for _, operation in _operations(served)
        for each in operation["parameters"]
    }

    assert {name: cells[1] for name, cells in rows.items()} == known


def test_each_error_is_documented(served: Served) -> None:
    known = {
        status
        for _, operation in _operations(served)
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
    }

    assert set(table(PAGE, "error")) == known | {"405"}


def test_each_other_path_is_documented(served: Served) -> None:
    documented = {name.removeprefix("GET ") for name in table(PAGE, "other path")}
    endpoints = re.compile(r"/api/canvas/(metrics/|docs/)")
    routes = {rule.rule for rule in served.rules.iter_rules()}

    assert documented == {route for route in routes if not endpoints.match(route)}


def test_a_run_has_the_columns_of_the_table_with_its_items_together(served: Served) -> None:
    counts = {item_column(item, action) for item in ITEMS for action in ITEM_COLUMN_ACTIONS}
    properties = set(served.openapi["components"]["schemas"]["RunRow"]["properties"])

    assert properties == set(metrics_table.columns.keys()) - counts | {"items"}


def test_the_examples_have_the_fields_of_the_answers(served: Served) -> None:
    examples = [json.loads(text) for text in blocks(PAGE, "json")]
    page, statistics, health, facets, calls, running, *others = examples
    point, errors, quota, incidents, messages, expectations, pauses, problem = others
    schemas = served.openapi["components"]["schemas"]

    assert set(page) == set(schemas["RunPage"]["properties"])
    assert set(page["items"][0]) == set(schemas["RunRow"]["properties"])
    assert set(statistics) == set(schemas["Statistics"]["properties"])
    assert set(facets) == set(schemas["RunFacets"]["properties"])
    assert set(calls) == set(schemas["CallPage"]["properties"])
    assert set(calls["items"][0]) == set(schemas["RunCall"]["properties"])
    assert set(running) == set(schemas["RunningRuns"]["properties"])
    assert set(running["items"][0]) == set(schemas["RunningRun"]["properties"])
    assert set(point) == set(schemas["SeriesPoint"]["properties"])
    assert set(errors) == set(schemas["TopErrors"]["properties"])
    assert set(errors["items"][0]) == set(schemas["ErrorSummary"]["properties"])
    assert set(quota) == set(schemas["Quota"]["properties"])
    assert set(quota["tokens"][0]) == set(schemas["TokenState"]["properties"])
    assert set(quota["routes"][0]) == set(schemas["RouteCost"]["properties"])
    assert set(quota["expiries"][0]) == set(schemas["TokenExpiry"]["properties"])
    assert set(incidents) == set(schemas["IncidentList"]["properties"])
    assert set(incidents["items"][0]) == set(schemas["IncidentView"]["properties"])
    assert set(messages) == set(schemas["MessageList"]["properties"])
    assert set(messages["items"][0]) == set(schemas["MessageView"]["properties"])
    assert set(expectations) == set(schemas["ExpectationList"]["properties"])
    assert set(expectations["items"][0]) == set(schemas["ExpectationView"]["properties"])
    assert set(pauses) == set(schemas["PauseList"]["properties"])
    assert set(pauses["items"][0]) == set(schemas["PauseView"]["properties"])
    assert set(health["checks"]) == set(served.health["checks"])
    assert set(problem) == set(schemas["Problem"]["properties"])
