"""From exemplar to trace, from trace to log lines, from log line to trace, from run to both."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from canvas_sync_core.names import Log
from canvas_sync_dashboards import datasources
from canvas_sync_dashboards.datasources import LOKI, POSTGRESQL, PROMETHEUS, TEMPO, DataSource
from canvas_sync_exporter.settings import full_configuration
from support.grafana import DASHBOARDS, GRAFANA, panels, queries
from support.markdown import DOCS, blocks
from support.prometheus import read_yaml

PROVISIONING = GRAFANA / "provisioning"
PROVISIONED: dict[str, dict[str, Any]] = {
    source["uid"]: source
    for source in read_yaml(PROVISIONING / "datasources" / "canvas-sync.yml")["datasources"]
}
KNOWN = [value for value in vars(datasources).values() if isinstance(value, DataSource)]
LOGQL = re.compile(r'\{service_name="canvas-sync"(, log="(?P<log>\w+)")?\}( \| \w+(=|=~)"[^"]+")*')


@pytest.mark.parametrize("source", KNOWN, ids=lambda source: source.name)
def test_a_data_source_of_the_dashboards_is_provisioned(source: DataSource) -> None:
    provisioned = PROVISIONED[source.uid]

    assert provisioned["name"] == source.name
    assert provisioned["type"] == source.type
    assert provisioned["editable"] is False


def test_every_data_source_that_another_one_leads_to_is_provisioned() -> None:
    text = json.dumps(list(PROVISIONED.values()))
    named = set(re.findall(r'"datasourceUid": "([^"]+)"', text))

    assert named == {PROMETHEUS.uid, TEMPO.uid, LOKI.uid}


def test_dashboards_choose_the_provisioned_data_sources_at_first() -> None:
    chosen = {
        (variable["name"], variable["query"], variable["current"]["value"])
        for dashboard in DASHBOARDS.values()
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "datasource"
    }

    assert chosen == {(source.variable, source.type, source.uid) for source in KNOWN}


def test_an_exemplar_leads_to_its_trace() -> None:
    (target,) = PROVISIONED[PROMETHEUS.uid]["jsonData"]["exemplarTraceIdDestinations"]

    assert target["name"] == "trace_id"
    assert target["datasourceUid"] == TEMPO.uid


def test_a_span_leads_to_the_log_lines_of_its_run() -> None:
    logs = PROVISIONED[TEMPO.uid]["jsonData"]["tracesToLogsV2"]

    assert logs["datasourceUid"] == LOKI.uid
    assert LOGQL.fullmatch(as_grafana_reads(logs["query"]))
    assert 'trace_id="${__span.traceId}"' in as_grafana_reads(logs["query"])


def test_a_span_leads_to_the_metrics_of_its_name() -> None:
    metrics = PROVISIONED[TEMPO.uid]["jsonData"]["tracesToMetrics"]

    assert metrics["datasourceUid"] == PROMETHEUS.uid
    for query in metrics["queries"]:
        assert 'span_name="${__span.name}"' in as_grafana_reads(query["query"])


def test_a_log_line_leads_to_its_trace() -> None:
    (field,) = PROVISIONED[LOKI.uid]["jsonData"]["derivedFields"]

    assert (field["matcherType"], field["matcherRegex"]) == ("label", "trace_id")
    assert as_grafana_reads(field["url"]) == "${__value.raw}"
    assert field["datasourceUid"] == TEMPO.uid


def test_the_password_of_the_database_is_in_a_file() -> None:
    assert PROVISIONED[POSTGRESQL.uid]["secureJsonData"] == {
        "password": "$__file{/run/secrets/database_reader_password}"
    }


def test_nobody_can_change_a_provisioned_dashboard() -> None:
    (provider,) = read_yaml(PROVISIONING / "dashboards" / "canvas-sync.yml")["providers"]

    assert provider["folder"] == "Canvas Sync"
    assert provider["allowUiUpdates"] is False


def test_a_run_leads_to_its_trace_and_its_log_lines() -> None:
    queries = {
        link["title"]: explored(link["url"])
        for link in links_of_runs()
        if link["url"].startswith("/explore?")
    }

    assert queries["Trace"]["datasource"] == "${tempo_datasource}"
    assert queries["Trace"]["queries"][0]["query"] == "${__data.fields.Trace}"
    assert queries["Log lines"]["datasource"] == "${loki_datasource}"
    assert queries["Log lines"]["queries"][0]["expr"] == (
        '{service_name="canvas-sync"} | task_id="${__data.fields.Task:percentencode}"'
    )


def test_a_link_to_a_field_names_a_column_of_the_table() -> None:
    (table,) = [query for query in queries(POSTGRESQL.type) if query.panel["type"] == "table"]
    columns = set(re.findall(r'AS "([^"]+)"', table.target["rawSql"]))
    named = {
        name
        for link in links_of_runs()
        for name in re.findall(r"__data\.fields\.(\w+)", link["url"])
    }

    assert named <= columns


def test_every_override_names_a_column() -> None:
    (table,) = [query for query in queries(POSTGRESQL.type) if query.panel["type"] == "table"]
    columns = set(re.findall(r'AS "([^"]+)"', table.target["rawSql"]))
    overrides = table.panel["fieldConfig"]["overrides"]

    assert {override["matcher"]["options"] for override in overrides} <= columns


@pytest.mark.parametrize("query", list(queries(LOKI.type)), ids=lambda query: query.name)
def test_a_query_for_log_lines_selects_by_index_labels_first(query: Any) -> None:
    """Its whole shape; only ``service_name`` and ``log`` are labels of the index."""
    read = LOGQL.fullmatch(query.target["expr"])

    assert read is not None
    assert read["log"] in {None, *Log}


def test_the_page_of_a_run_leads_to_its_trace_in_the_provisioned_grafana(tmp_path: Path) -> None:
    (example,) = [
        block for block in blocks(DOCS / "how-to" / "docker-compose.md", "toml") if "trace" in block
    ]
    file = tmp_path / "config.toml"
    file.write_text(example)
    links = full_configuration({"CANVAS_SYNC_CONFIG": str(file)}).file.links
    shown = explored(str(links.trace("ab12")))

    assert links.grafana_url == "http://localhost:3000"
    assert str(links.trace_url).startswith(f"{links.grafana_url}/explore?")
    assert shown["datasource"] == shown["queries"][0]["datasource"]["uid"] == TEMPO.uid
    assert shown["queries"][0]["query"] == "ab12"


def links_of_runs() -> list[dict[str, Any]]:
    """The links in the table of runs."""
    return [
        link
        for panel in panels(DASHBOARDS["canvas-sync-runs"])
        for override in panel["fieldConfig"]["overrides"]
        for shown in override["properties"]
        if shown["id"] == "links"
        for link in shown["value"]
    ]


def explored(url: str) -> Any:
    """What a link asks Explore to show."""
    (panes,) = parse_qs(urlsplit(url).query)["panes"]
    return json.loads(panes)["a"]


def as_grafana_reads(text: str) -> str:
    """A value of a provisioning file, whose dollars are doubled."""
    return text.replace("$$", "$")
