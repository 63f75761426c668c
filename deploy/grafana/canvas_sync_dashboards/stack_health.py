"""*Stack health*: whether the monitoring itself is healthy."""

from __future__ import annotations

from typing import Final

from .datasources import PROMETHEUS
from .page import Page, Row, half, third
from .panels import COUNT, bars, events, lines, value
from .promql import increase, mean, quantile, rate, ratio, series, total
from .steps import above, below
from .targets import Now, OverTime
from .variables import choose, scraped_by

__all__ = ["page"]

_RATE: Final = "$__rate_interval"
_BY_JOB: Final = "{{job}} {{instance}}"
_GIGABYTE: Final = 1024.0**3


def page() -> Page:
    """The whole dashboard."""
    return Page(
        uid="canvas-sync-stack",
        title="Canvas Sync / Stack health",
        description="Whether the exporter and the monitoring servers are healthy.",
        variables=(choose(PROMETHEUS), *scraped_by("up")),
        rows=(_servers(), _exporter(), _prometheus(), _collector(), _stores()),
        since="now-6h",
    )


def _servers() -> Row:
    return Row(
        "Servers",
        (
            third(
                bars(
                    "Up",
                    "Whether Prometheus can scrape each server: 1 or 0.",
                    Now(series("up"), _BY_JOB),
                    unit="none",
                    steps=below(1, 1),
                )
            ),
            third(
                lines(
                    "Duration of scrapes",
                    "How long each server takes to show its metrics. Prometheus gives up at its "
                    "timeout, 10 seconds unless it is configured otherwise.",
                    OverTime(series("scrape_duration_seconds"), _BY_JOB),
                    unit="s",
                    steps=above(1, 10),
                )
            ),
            third(
                lines(
                    "Samples per scrape",
                    "A jump means that a label has become unbounded.",
                    OverTime(series("scrape_samples_post_metric_relabeling"), _BY_JOB),
                    unit="short",
                    steps=above(10_000, 50_000),
                )
            ),
            half(
                lines(
                    "Memory",
                    "Resident memory of each server that reports it.",
                    OverTime(series("process_resident_memory_bytes"), _BY_JOB),
                    OverTime(series("otelcol_process_memory_rss"), _BY_JOB),
                    unit="bytes",
                    steps=above(_GIGABYTE, 2 * _GIGABYTE),
                )
            ),
            half(
                lines(
                    "Processor",
                    "Cores that each server keeps busy.",
                    OverTime(rate("process_cpu_seconds_total"), _BY_JOB),
                    OverTime(rate("", '__name__=~"otelcol_process_cpu_seconds(_total)?"'), _BY_JOB),
                    unit="short",
                    steps=above(1, 2),
                )
            ),
        ),
    )


def _exporter() -> Row:
    seconds = "canvas_sync_exporter_http_request_duration_seconds"
    summed = ("broken_metric_files", "fold_failures", "state_recoveries")
    return Row(
        "Exporter",
        (
            third(
                bars(
                    "Collectors",
                    "Whether each part of the exporter could read its data: 1 or 0. If not, the "
                    "exporter's log says why.",
                    Now(
                        f"min by (collector) ({series('canvas_sync_exporter_collector_success')})",
                        "{{collector}}",
                    ),
                    unit="none",
                    steps=below(1, 1),
                )
            ),
            third(
                lines(
                    "Duration of collectors",
                    "How long each part takes. They run at every scrape.",
                    OverTime(
                        "max by (collector) "
                        f"({series('canvas_sync_exporter_collector_duration_seconds')})",
                        "{{collector}}",
                    ),
                    unit="s",
                    steps=above(1, 5),
                )
            ),
            third(
                bars(
                    "Problems with metric files",
                    "Broken files moved aside, failed folds of dead processes' files, and repairs, "
                    "in the time shown.",
                    *(
                        Now(
                            total(increase(f"canvas_sync_exporter_{name}_total")),
                            name.replace("_", " "),
                        )
                        for name in summed
                    ),
                    unit=COUNT,
                    steps=above(1, 10),
                )
            ),
            half(
                events(
                    "HTTP answers",
                    "Responses of the exporter, by status.",
                    OverTime(
                        total(
                            increase("canvas_sync_exporter_http_requests_total", over=_RATE),
                            "status",
                        ),
                        "{{status}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                lines(
                    "Duration of HTTP responses",
                    "Mean and 95th percentile of all endpoints.",
                    OverTime(mean(seconds), "mean"),
                    OverTime(quantile(0.95, seconds), "p95"),
                    unit="s",
                    steps=above(1, 5),
                )
            ),
        ),
    )


def _prometheus() -> Row:
    failures = {
        "rule evaluations": "prometheus_rule_evaluation_failures_total",
        "notifications dropped": "prometheus_notifications_dropped_total",
        "notifications refused": "prometheus_notifications_errors_total",
        "compactions": "prometheus_tsdb_compactions_failed_total",
        "messages not sent": "alertmanager_notifications_failed_total",
    }
    return Row(
        "Prometheus and Alertmanager",
        (
            half(
                lines(
                    "Series in memory",
                    "Series that Prometheus keeps in memory, about 4 kB each.",
                    OverTime(series("prometheus_tsdb_head_series"), "{{instance}}"),
                    unit="short",
                    steps=above(100_000, 500_000),
                )
            ),
            half(
                lines(
                    "Samples ingested",
                    "Samples per second that Prometheus ingests.",
                    OverTime(
                        total(rate("prometheus_tsdb_head_samples_appended_total"), "instance"),
                        "{{instance}}",
                    ),
                    unit="cps",
                    steps=above(10_000, 50_000),
                )
            ),
            third(
                value(
                    "Size of the blocks",
                    "Disk space of Prometheus' sealed blocks; 0 in the first hours.",
                    Now(total(series("prometheus_tsdb_storage_blocks_bytes")), "size"),
                    unit="bytes",
                    steps=above(20 * _GIGABYTE, 50 * _GIGABYTE),
                )
            ),
            third(
                bars(
                    "Failures in alerting",
                    "Rules that could not be evaluated, alerts that did not reach Alertmanager, "
                    "messages that could not be sent, in the time shown. If there are any, do not "
                    "rely on alerts.",
                    *(Now(total(increase(name)), what) for what, name in failures.items()),
                    unit=COUNT,
                    steps=above(1, 10),
                )
            ),
            third(
                bars(
                    "Alerts at Alertmanager",
                    "By state: active alerts are sent, suppressed ones are silenced or inhibited.",
                    Now(f"max by (state) ({series('alertmanager_alerts')})", "{{state}}"),
                    unit=COUNT,
                    steps=above(5, 20),
                )
            ),
        ),
    )


def _collector() -> Row:
    signals = {"spans": "spans", "log_records": "log records", "metric_points": "metric points"}
    full = ratio(
        f"max by (exporter) ({series('otelcol_exporter_queue_size')})",
        f"max by (exporter) ({series('otelcol_exporter_queue_capacity')})",
    )
    return Row(
        "OpenTelemetry collector",
        (
            half(
                lines(
                    "Taken in",
                    "Spans, log records and metric points per second that the collector accepts.",
                    *(
                        OverTime(total(_rate_of("receiver_accepted", signal)), legend)
                        for signal, legend in signals.items()
                    ),
                    unit="cps",
                )
            ),
            half(
                lines(
                    "Sent on",
                    "Spans, log records and metric points that Tempo, Loki and Prometheus "
                    "received. Lower than what was received while some wait or are lost.",
                    *(
                        OverTime(
                            total(_rate_of("exporter_sent", signal), "exporter"),
                            legend + " to {{exporter}}",
                        )
                        for signal, legend in signals.items()
                    ),
                    unit="cps",
                )
            ),
            half(
                events(
                    "Not delivered",
                    "Those that a store refused, that did not fit into a queue, or that were "
                    "turned away.",
                    *(
                        OverTime(total(_increase_of(kind, signal)), f"{legend} {what}")
                        for kind, what in (
                            ("exporter_send_failed", "refused by the store"),
                            ("exporter_enqueue_failed", "without room in the queue"),
                            ("receiver_refused", "turned away"),
                        )
                        for signal, legend in signals.items()
                    ),
                    unit=COUNT,
                    steps=above(1, 100),
                )
            ),
            half(
                lines(
                    "Queues",
                    "How full the collector's queues are. A full queue loses telemetry.",
                    OverTime(full, "{{exporter}}"),
                    unit="percentunit",
                    steps=above(0.5, 0.9),
                )
            ),
        ),
    )


def _stores() -> Row:
    spans = "traces_span_metrics"
    return Row(
        "Tempo, Loki, Grafana",
        (
            half(
                lines(
                    "Spans by name",
                    "The syncs' spans per second, as counted by the collector.",
                    OverTime(
                        f"topk(10, {total(rate(f'{spans}_calls_total'), 'span_name')})",
                        "{{span_name}}",
                    ),
                    unit="cps",
                )
            ),
            half(
                lines(
                    "Duration of spans",
                    "95th percentile of the ten slowest kinds of span. Dots lead to traces.",
                    OverTime(
                        f"topk(10, {quantile(0.95, f'{spans}_duration_seconds', 'span_name')})",
                        "{{span_name}}",
                        exemplars=True,
                    ),
                    unit="s",
                    steps=above(1800, 7200),
                )
            ),
            third(
                lines(
                    "Spans at Tempo",
                    "Spans per second that Tempo ingests.",
                    OverTime(total(rate("tempo_distributor_spans_received_total")), "spans"),
                    unit="cps",
                )
            ),
            third(
                lines(
                    "Log lines at Loki",
                    "Lines per second that Loki ingests, and those that it refuses.",
                    OverTime(total(rate("loki_distributor_lines_received_total")), "lines"),
                    OverTime(total(rate("loki_discarded_samples_total")), "refused"),
                    unit="cps",
                )
            ),
            third(
                lines(
                    "Responses of Tempo, Loki and Grafana",
                    "95th percentile of how long they take to answer.",
                    *(
                        OverTime(quantile(0.95, f"{name}_request_duration_seconds"), legend)
                        for name, legend in (
                            ("tempo", "Tempo"),
                            ("loki", "Loki"),
                            ("grafana_http", "Grafana"),
                        )
                    ),
                    unit="s",
                    steps=above(1, 10),
                )
            ),
        ),
    )


def _rate_of(kind: str, signal: str) -> str:
    """The rate of a counter of the collector, under its name with and without ``_total``."""
    return rate("", f'__name__=~"otelcol_{kind}_{signal}(_total)?"')


def _increase_of(kind: str, signal: str) -> str:
    return increase("", f'__name__=~"otelcol_{kind}_{signal}(_total)?"', over=_RATE)
