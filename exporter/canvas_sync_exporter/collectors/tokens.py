"""The quota of each access token, combined from what the live processes know."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from canvas_sync_core.canvas.quota import TokenQuota, TokenReading, quota_of
from canvas_sync_core.metrics.reading import FileReader, Reading
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.totals import PER_PROCESS_KIND
from canvas_sync_core.names import OTHER
from canvas_sync_core.schema.labels import MAX_TOKENS
from canvas_sync_core.schema.metrics import MetricName

from .families import family

__all__ = ["TokensCollector", "read_token_expiries", "read_token_quotas"]

_FORGET_SECONDS: Final = 3600.0
"""A bucket is empty again after 80 seconds, so older readings are meaningless."""

_FIELDS: Final = {
    MetricName.API_QUOTA_REMAINING: "remaining",
    MetricName.API_QUOTA_MAXIMUM: "maximum",
    MetricName.API_QUOTA_COST: "cost_per_second",
    MetricName.API_QUOTA_CONCURRENCY: "concurrency",
    MetricName.API_QUOTA_SAFE_CONCURRENCY: "safe_concurrency",
    MetricName.API_QUOTA_UNTIL_EMPTY: "seconds_until_empty",
    MetricName.API_QUOTA_SEEN: "seen",
}
"""Metric -> the field of a quota that it shows."""

_Gauges = dict[str, dict[str, float]]
"""Name of the metric -> value, by token, of one process."""


class TokensCollector(Collector):
    """Serves each token's remaining quota, its rate of use, and the safe concurrency.

    Args:
        folder: The folder of the metric files; it may be missing.
        expiries: When tokens expire according to the settings, in seconds since the epoch.
    """

    def __init__(self, folder: Path, expiries: Mapping[str, float]) -> None:
        self._folder = folder
        self._expiries = expiries

    def collect(self) -> Iterable[Metric]:
        """Return each value of each token.

        Raises:
            OSError: The folder cannot be read.
        """
        processes = _read(self._folder)
        quotas = _quotas(processes, time.time())
        for name, field in _FIELDS.items():
            values = {(quota.token,): getattr(quota, field) for quota in quotas}
            yield family(name, {key: value for key, value in values.items() if value is not None})
        expiries = {**self._expiries, **_expiries(processes), **self._expiries}
        yield family(
            MetricName.API_CREDENTIAL_EXPIRES,
            {(token,): expiries[token] for token in list(expiries)[:MAX_TOKENS]},
        )


def read_token_quotas(folder: Path, now: float) -> list[TokenQuota]:
    """Return the quotas of tokens that live processes used in the last hour, busiest first.

    Args:
        folder: The folder of the metric files.
        now: Seconds since the epoch.

    Raises:
        OSError: The folder cannot be read.
    """
    return _quotas(_read(folder), now)


def read_token_expiries(folder: Path) -> dict[str, float]:
    """Return when tokens that Canvas refused had expired, in seconds since the epoch.

    Raises:
        OSError: The folder cannot be read.
    """
    return _expiries(_read(folder))


def _read(folder: Path) -> list[_Gauges]:
    if not folder.is_dir():
        return []
    reader = FileReader(folder, SampleKeys())
    names = (name for name in reader.names() if name.startswith(f"{PER_PROCESS_KIND}_"))
    readings = filter(None, map(reader.read, names))
    return [_gauges(reading) for reading in readings if not reading.dead]


def _gauges(reading: Reading) -> _Gauges:
    gauges: _Gauges = {}
    for key, value in zip(reading.keys, reading.values, strict=True):
        token = dict(key.labels).get("token")
        if token is not None and not math.isnan(value):
            gauges.setdefault(key.metric, {})[token] = value
    return gauges


def _quotas(processes: Iterable[_Gauges], now: float) -> list[TokenQuota]:
    by_token: dict[str, list[TokenReading]] = {}
    for gauges in processes:
        for token in gauges.get(MetricName.API_QUOTA_REMAINING, {}):
            reading = _token_reading(gauges, token)
            if now - reading.seen < _FORGET_SECONDS:
                by_token.setdefault(token, []).append(reading)
    seen = {token: max(each.seen for each in found) for token, found in by_token.items()}
    for token in sorted(seen.keys() - {OTHER}, key=seen.__getitem__, reverse=True)[MAX_TOKENS:]:
        by_token.setdefault(OTHER, []).extend(by_token.pop(token))
    quotas = [quota_of(token, readings, now) for token, readings in by_token.items()]
    return sorted(quotas, key=lambda quota: quota.cost_per_second, reverse=True)


def _token_reading(gauges: _Gauges, token: str) -> TokenReading:
    def value(name: MetricName) -> float:
        return gauges.get(name, {}).get(token, 0.0)

    return TokenReading(
        remaining=value(MetricName.API_QUOTA_REMAINING),
        maximum=value(MetricName.API_QUOTA_MAXIMUM),
        seen=value(MetricName.API_QUOTA_SEEN),
        cost_per_second=value(MetricName.API_QUOTA_COST),
        concurrency=value(MetricName.API_QUOTA_CONCURRENCY),
    )


def _expiries(processes: Iterable[_Gauges]) -> dict[str, float]:
    expiries: dict[str, float] = {}
    for gauges in processes:
        expiries |= gauges.get(MetricName.API_CREDENTIAL_EXPIRES, {})
    return dict(sorted(expiries.items())[:MAX_TOKENS])
