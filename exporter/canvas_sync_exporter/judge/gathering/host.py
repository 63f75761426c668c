"""Facts about this machine: folders, disk, tokens in use, and the clock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from canvas_sync_core.store.spool.delivery import waiting_bytes
from canvas_sync_exporter.collectors.clock_skew import read_clock_skew
from canvas_sync_exporter.collectors.tokens import read_token_expiries, read_token_quotas
from canvas_sync_exporter.judge.facts import ClockFacts, LogFolderFacts, Sample, TokenFacts
from canvas_sync_exporter.logs.status import free_bytes
from canvas_sync_exporter.settings import Configuration

__all__ = ["FolderWatch", "SampleWatch", "TokenWatch", "read_clock"]

_LOW_QUOTA: Final = 100.0
_LOW_SHARE: Final = 1 / 6
_IN_USE: Final = timedelta(minutes=1)
_REMEMBERED: Final = timedelta(days=2)
"""How long a token counts as one of those in use after its last process has ended."""


@dataclass(slots=True)
class SampleWatch:
    """Stores recent values, oldest first.

    Attributes:
        length: How long values are stored.
        step: Minimum time between two values.
    """

    length: timedelta
    step: timedelta
    _samples: deque[Sample] = field(default_factory=deque)

    def is_due(self, now: datetime) -> bool:
        """Return whether the next value is due."""
        return not self._samples or now - self._samples[-1].time >= self.step

    def note(self, now: datetime, value: float) -> None:
        """Add a value and drop old ones, except one that shows that the history is complete."""
        if self._samples and self._samples[-1].time > now:
            self._samples.clear()  # the clock went back
        self._samples.append(Sample(now, value))
        while len(self._samples) > 1 and self._samples[1].time < now - self.length:
            self._samples.popleft()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Return the values."""
        return tuple(self._samples)


@dataclass(slots=True)
class FolderWatch:
    """Watches the spool, the log folder and its disk.

    Attributes:
        configuration: The settings with their paths.
    """

    configuration: Configuration
    spool: SampleWatch = field(
        default_factory=lambda: SampleWatch(timedelta(minutes=15), timedelta(seconds=10))
    )
    disk: SampleWatch = field(
        default_factory=lambda: SampleWatch(timedelta(hours=7), timedelta(minutes=1))
    )
    _problem_since: datetime | None = None

    def observe(self, now: datetime) -> LogFolderFacts | None:
        """Record the current values and return the state of the log folder; None if it is missing.

        Raises:
            OSError: A folder cannot be read.
        """
        app = self.configuration.app
        folder = app.log_dir
        problem = ""
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            problem = f"{folder} cannot be written by the user of the exporter."
        self._problem_since = (self._problem_since or now) if problem else None
        if self.spool.is_due(now):
            self.spool.note(now, waiting_bytes(app.spool_folder))
        if self.disk.is_due(now) and folder.is_dir():
            self.disk.note(now, free_bytes(folder))
        if not folder.is_dir():
            return None
        return LogFolderFacts(str(folder), problem, self._problem_since)


@dataclass(slots=True)
class TokenWatch:
    """Watches the remaining quota and the expiry of tokens.

    Attributes:
        configuration: Where the metric files are, and when tokens expire.
    """

    configuration: Configuration
    _low_since: dict[str, datetime] = field(default_factory=dict)
    _seen: dict[str, datetime] = field(default_factory=dict)

    def observe(self, now: datetime) -> tuple[TokenFacts, ...]:
        """Return what is known of each token.

        Raises:
            OSError: The folder of the metric files cannot be read.
        """
        folder = self.configuration.app.metrics_folder
        expiries = read_token_expiries(folder) | self.configuration.exporter.token_expiries
        found: dict[str, TokenFacts] = {}
        low: dict[str, datetime] = {}
        for quota in read_token_quotas(folder, now.timestamp()):
            seen = datetime.fromtimestamp(quota.seen, UTC)
            limit = min(_LOW_QUOTA, quota.maximum * _LOW_SHARE)
            if quota.remaining < limit and now - seen < _IN_USE:
                low[quota.token] = self._low_since.get(quota.token, now)
            found[quota.token] = TokenFacts(
                token=quota.token,
                expires=_time(expiries.pop(quota.token, None)),
                remaining=quota.remaining,
                maximum=quota.maximum,
                seen=seen,
                low_since=low.get(quota.token),
            )
        self._low_since = low
        others = {
            token: TokenFacts(token, _time(expiries.get(token)), seen=self._seen.get(token))
            for token in {**expiries, **self._remember(found.values(), now)}
            if token not in found
        }
        return (*found.values(), *others.values())

    def _remember(self, used: Iterable[TokenFacts], now: datetime) -> Mapping[str, datetime]:
        """Return when each token was last used by any process, dead or alive."""
        self._seen.update({each.token: each.seen for each in used if each.seen is not None})
        oldest = now - _REMEMBERED
        self._seen = {token: seen for token, seen in self._seen.items() if seen >= oldest}
        return self._seen


def read_clock(
    configuration: Configuration, now: datetime, before: ClockFacts | None
) -> ClockFacts | None:
    """Return the clock skew seen by live processes; the previous one if none is alive.

    Raises:
        OSError: The folder of the metric files cannot be read.
    """
    skew = read_clock_skew(configuration.app.metrics_folder)
    return before if skew is None else ClockFacts(skew, now)


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
