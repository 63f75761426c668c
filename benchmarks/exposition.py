"""Writing the exposition of 5,000 and of 50,000 series: our writer against prometheus-client's.

Collects the families of ten live processes' metric files once a round, and writes the same families
by both. Prints medians of processor time, so that a busy machine changes little, and the memory
that our writer keeps between scrapes.

Goals: our writer takes at most half of the time; where it does not, it should go. Ten times as many
series take at most twelve times as long.

Run: ``python benchmarks/exposition.py``
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import ParamSpec, TypeVar

from metrics_scrape import fill
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web.exposition import _label, _plain, expose

P = ParamSpec("P")
T = TypeVar("T")
ROUNDS = {20: 20, 200: 4}
"""Routes of each process, each with 250 series in all, and how often they are written."""
CACHES = (_plain, _label)
FORMATS = {
    "OpenMetrics": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "text": "text/plain;version=0.0.4",
}


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    for routes, rounds in ROUNDS.items():
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            fill(folder, 1, stack, routes)
            registry = CollectorRegistry()
            register_collectors(registry, configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}))
            for name, accept in FORMATS.items():
                _compare(registry, name, accept, rounds)
            _print_memory(registry)


class _Collected(Collector):
    """Families that were collected before, so that only writing them is timed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families = list(registry.collect())

    def collect(self) -> list[Metric]:
        return self._families


def _print_memory(registry: CollectorRegistry) -> None:
    families = _Collected(registry)
    for cached in CACHES:
        cached.cache_clear()
    tracemalloc.start()
    for _ in expose(families.collect(), FORMATS["text"])[0]:
        pass
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{'':12}keeps {held / 1e6:.1f} MB, {peak / 1e6:.1f} MB while it writes")


def _compare(registry: CollectorRegistry, name: str, accept: str, rounds: int) -> None:
    encode, _ = choose_encoder(accept)
    times = []
    for _ in range(rounds):
        collecting, families = _timed(_Collected, registry)
        ours, written = _timed(_exposed, families.collect(), accept)
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


def _exposed(families: Iterable[Metric], accept: str) -> bytes:
    return b"".join(expose(families, accept)[0])


def _timed(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> tuple[float, T]:
    start = time.process_time()
    result = work(*arguments, **options)
    return time.process_time() - start, result


if __name__ == "__main__":
    main()
