"""What one round of syncs left behind, everywhere that it can be seen."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample
from sqlalchemy import create_engine, text

from canvas_sync_core.names import Log
from support.log_lines import records_in

__all__ = [
    "API",
    "OPENMETRICS",
    "Answer",
    "Evidence",
    "Scrape",
    "ask",
    "read_archives",
    "read_logs",
    "read_rows",
]

API = "/api/canvas/metrics"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the REST API."""

    status: int
    content_type: str
    body: Any


@dataclass(frozen=True, slots=True)
class Scrape:
    """An answer of ``/metrics``, as text and parsed."""

    text: str
    samples: tuple[Sample, ...]
    types: Mapping[str, str]
    labels: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, text: str, *, is_openmetrics: bool) -> Scrape:
        """Parse a scrape with the parsers of prometheus-client."""
        families = list(parse_openmetrics(text) if is_openmetrics else parse_text(text))  # type: ignore[no-untyped-call]  # the library has no types for OpenMetrics
        samples = tuple(sample for family in families for sample in family.samples)
        return cls(
            text,
            samples,
            {sample.name: family.type for family in families for sample in family.samples},
            {sample.name: frozenset(sample.labels) for sample in samples},
        )

    def values(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Sum the samples of a name by the values of some of their labels."""
        found: dict[tuple[str, ...], float] = {}
        for sample in self.samples:
            if sample.name == name:
                key = tuple(sample.labels[label] for label in labels)
                found[key] = found.get(key, 0.0) + sample.value
        return found

    def total(self, name: str, **labels: str) -> float:
        """Sum the samples of a name that carry ``labels``."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one round of syncs left behind. A part is a sync of the round, by its name.

    Attributes:
        driver_error: What the database driver raises when a value is there already.
        canvas_host: Host and port of the simulated Canvas.
        requests: What that Canvas answered, by method, route and status.
        secrets: What must appear nowhere.
        exit_codes: By part; only of those that came to an end by themselves, and the exporter's.
        output: Whatever all processes printed.
        text: ``/metrics`` as Prometheus' text.
        openmetrics: ``/metrics`` as OpenMetrics.
        exporter: What the exporter answers, by endpoint.
        mounted: What a user's app with the API mounted answers, by endpoint.
        stranger: Status of an answer to a caller without a token; None where there are no tokens.
        rows: The table, by part, all columns.
        reports: All reports on the round, as text.
        messages: All messages about its incidents, as text.
        logs: The records of the five logs.
        archived: The lines that the cleanup put into archives.
        spans: What arrived at the collector.
        resources: Whose spans those are.
    """

    driver_error: str
    canvas_host: str
    requests: Mapping[tuple[str, str, int | None], int]
    secrets: frozenset[str]
    exit_codes: Mapping[str, int]
    output: str
    text: Scrape
    openmetrics: Scrape
    exporter: Mapping[str, Answer]
    mounted: Mapping[str, Answer]
    stranger: int | None
    rows: Mapping[str, dict[str, Any]]
    reports: str
    messages: str
    logs: Mapping[Log, list[dict[str, Any]]]
    archived: Mapping[Log, list[str]]
    spans: list[Span]
    resources: list[dict[str, Any]]

    def records(self, log: Log, event: str, **fields: object) -> list[dict[str, Any]]:
        """The records of one kind whose fields have the given values."""
        return [
            record
            for record in self.logs[log]
            if record["event"] == event and fields.items() <= record.items()
        ]

    def spans_of(self, part: str) -> list[Span]:
        """The spans of a part's trace."""
        trace_id = bytes.fromhex(self.rows[part]["trace_id"])
        return [span for span in self.spans if span.trace_id == trace_id]


def ask(method: str, url: str, headers: Mapping[str, str]) -> Answer:
    """Ask the REST API; a POST carries an empty JSON object."""
    body: dict[str, str] | None = {} if method == "POST" else None
    answer = requests.request(method, url, headers=dict(headers), json=body, timeout=_SECONDS)
    return Answer(answer.status_code, answer.headers["Content-Type"], answer.json())


def read_rows(database_url: str) -> dict[str, dict[str, Any]]:
    """Read the whole table by plain SQL; rows by task id."""
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM canvas_sync_metrics")).mappings()
            return {row["sync_task_id"]: dict(row) for row in rows}
    finally:
        engine.dispose()


def read_logs(folder: Path) -> dict[Log, list[dict[str, Any]]]:
    """Read the five logs, each line of which must be JSON."""
    return {log: records_in(folder / f"{log.value}.log") for log in Log}


def read_archives(folder: Path) -> dict[Log, list[str]]:
    """Read the lines in the archives."""
    return {log: list(_archived_lines(folder.glob(f"{log.value}-*.tar.gz"))) for log in Log}


def _archived_lines(archives: Iterable[Path]) -> Iterable[str]:
    for path in sorted(archives):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                assert content is not None
                yield from content.read().decode().splitlines()
