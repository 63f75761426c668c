"""Writing the exposition of 5,000 series: our writer against prometheus-client's.

Collects the families of ten live processes' metric files once a round, and writes the same families
by both. Prints medians of processor time, so that a busy machine changes little.

Goal: our writer takes at most half of the time; where it does not, it should go.

Run: ``python benchmarks/exposition.py``
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import ParamSpec, TypeVar

from metrics_scrape import fill
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web.exposition import expose

P = ParamSpec("P")
T = TypeVar("T")
ROUNDS = 40
FORMATS = {
    "OpenMetrics": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "text": "text/plain;version=0.0.4",
}


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fill(folder, 1, stack)
        registry = CollectorRegistry()
        register_collectors(registry, configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}))
        for name, accept in FORMATS.items():
            _compare(registry, name, accept)


class _Collected(Collector):
    """Families that were collected before, so that only writing them is timed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families = list(registry.collect())

    def collect(self) -> list[Metric]:
        return self._families


def _compare(registry: CollectorRegistry, name: str, accept: str) -> None:
    encode, _ = choose_encoder(accept)
    times = []
    for _ in range(ROUNDS):
        collecting, families = _timed(_Collected, registry)
        ours, (written, _) = _timed(expose, families.collect(), accept)
        theirs, expected = _timed(encode, families)
        assert written == expected
        times.append((collecting, ours, theirs))
    medians = [statistics.median(each) * 1e3 for each in zip(*times, strict=True)]
    series = sum(not line.startswith(b"#") for line in written.splitlines())
    print(
        f"{name:12}{series:7,} series: collected in {medians[0]:.1f} ms, "
        f"written in {medians[1]:.1f} ms, by prometheus-client in {medians[2]:.1f} ms: "
        f"{medians[2] / medians[1]:.1f} x as fast"
    )


def _timed(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> tuple[float, T]:
    start = time.process_time()
    result = work(*arguments, **options)
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
